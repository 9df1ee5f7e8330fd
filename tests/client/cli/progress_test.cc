#include "client/cli/progress.h"

#include <gtest/gtest.h>

#include <sstream>

#include "client/cli/job_view.h"

namespace ecgtrain {
namespace {

v1::Job Running() {
  v1::Job job;
  job.set_id(42);
  job.set_name("pre");
  job.set_state(v1::RUNNING);
  v1::Progress& progress = *job.mutable_progress();
  progress.set_step(30);
  progress.set_total_steps(80);
  progress.set_epoch(3);
  progress.set_epochs(8);
  progress.set_phase("training");
  progress.set_records_per_second(812.4);
  progress.set_step_seconds(2.6);
  (*job.mutable_metrics())["train/loss"] = 0.412345678;
  (*job.mutable_metrics())["train/learning_rate"] = 0.001;
  return job;
}

TEST(ProgressTest, LineSaysWhereTheJobIsAndHowLongItTakes) {
  EXPECT_EQ(
      ProgressLine(Running(), /*bar=*/true),
      "job/42 pre RUNNING [#######.............] epoch 3/8 38 % 812 rec/s ETA 2m10s train/loss 0.41235");
}

// F29: what is known beside the state is shown beside it.
TEST(ProgressTest, AttributesStandBesideTheState) {
  const auto shown = [](v1::StopRequest stop, bool unreachable) {
    v1::Job job = Running();
    job.set_stop_requested(stop);
    if (unreachable) job.mutable_unreachable_since()->set_seconds(1'800'000'000);
    return StateText(job);
  };
  EXPECT_EQ(shown(v1::STOP_NONE, false), "RUNNING");
  EXPECT_EQ(shown(v1::STOP_CANCEL, false), "RUNNING (stopping: CANCEL)");
  EXPECT_EQ(shown(v1::STOP_NONE, true), "RUNNING (worker unreachable)");
  EXPECT_EQ(shown(v1::STOP_CANCEL, true), "RUNNING (stopping: CANCEL, worker unreachable)");
}

TEST(ProgressTest, LineOfAWaitingJobSaysWhy) {
  v1::Job job;
  job.set_id(7);
  job.set_name("late");
  job.set_state(v1::QUEUED);
  job.mutable_pending()->set_reason(v1::DEPENDENCY);
  job.mutable_pending()->set_explanation("waits for job/6");
  EXPECT_EQ(ProgressLine(job, /*bar=*/true), "job/7 late QUEUED DEPENDENCY: waits for job/6");
}

TEST(ProgressTest, HostileNumbersDoNotBreakTheBar) {
  v1::Job job = Running();
  job.mutable_progress()->set_step(1000);
  job.set_name("\x1b[2J");
  EXPECT_EQ(ProgressLine(job, /*bar=*/true),
            "job/42 \\x1b[2J RUNNING [####################] epoch 3/8 100 % 812 rec/s train/loss 0.41235");
}

TEST(ProgressTest, LiveLinesAreDrawnInPlaceUnderTheText) {
  std::ostringstream out;
  Terminal terminal;
  terminal.out = terminal.fancy = true;
  terminal.width = 4;
  {
    LiveLines lines(out, terminal);
    lines.Show({"abcdef"});
    lines.PrintAbove("event");
    lines.Show({"xyz"});
  }
  EXPECT_EQ(out.str(), "abcd\n\x1b[1A\x1b[2Kevent\nabcd\n\x1b[1A\x1b[2Kxyz\n\x1b[1A\x1b[2K");
}

TEST(ProgressTest, WithoutATerminalOnlyTextIsWritten) {
  std::ostringstream out;
  LiveLines lines(out, Terminal());
  lines.Show({"abc"});
  lines.PrintAbove("event");
  EXPECT_EQ(out.str(), "event\n");
}

TEST(ProgressTest, PlainLineIsDueForAnEpochOrEveryTenSeconds) {
  FakeClock clock;
  PlainProgress plain(clock);
  v1::Job job = Running();
  EXPECT_TRUE(plain.IsDue(job));
  job.mutable_unreachable_since()->set_seconds(1'800'000'000);
  EXPECT_TRUE(plain.IsDue(job));
  job.mutable_progress()->set_step(31);
  clock.Advance(absl::Seconds(1));
  EXPECT_FALSE(plain.IsDue(job));
  clock.Advance(absl::Seconds(9));
  EXPECT_TRUE(plain.IsDue(job));
  clock.Advance(absl::Seconds(20));
  EXPECT_FALSE(plain.IsDue(job));
  job.mutable_progress()->set_epoch(4);
  EXPECT_TRUE(plain.IsDue(job));
}

}  // namespace
}  // namespace ecgtrain
