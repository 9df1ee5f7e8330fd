// However a training ends, going on computes what an uninterrupted run computes, bit for bit (P9, F27, T12):
// 40 steps of each task, with dropout, checkpoints within epochs, a falling learning rate and best weights to
// remember.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/long_tests.h"
#include "tests/worker/train/attempt_fixture.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

constexpr uint64_t kSteps = 40;

// Ends the process as SIGKILL does, the n-th time it is asked for a stop: between two steps.
class KillingControls final : public Controls {
 public:
  explicit KillingControls(int kill_at) : kill_at_(kill_at) {}
  bool StopRequested() override {
    if (++calls_ == kill_at_) raise(SIGKILL);
    return false;
  }
  bool TakeCheckpointRequest() override { return false; }

 private:
  int kill_at_;
  int calls_ = 0;
};

class ResumeTest : public AttemptFixture, public testing::WithParamInterface<const char*> {
 protected:
  Json FortySteps() {
    Json spec = Spec(GetParam());
    spec["data"]["records"] = 62;
    spec["spec"]["model"]["dropout"] = 0.4;
    spec["spec"]["schedule"] = {
        {"epochs", 4}, {"batch_size", 5}, {"log_every", 3}, {"plateau", {{"patience", 1}, {"factor", 0.5}}}};
    spec["spec"]["checkpoint"] = {{"every_steps", 7}};
    return spec;
  }

  // The uninterrupted run; how often it asks for a stop, once the pack is there.
  int RunWhole(const Json& spec) {
    CountingControls packing;
    EXPECT_EQ(Run(spec, "packs", packing).reason, ExitReason::kCompleted);
    CountingControls controls;
    const TrainerExit end = Run(spec, "whole", controls);
    EXPECT_EQ(end.reason, ExitReason::kCompleted) << end.message;
    EXPECT_EQ(end.step, kSteps);
    return controls.calls;
  }

  // Stops at every `stride`-th call, goes on, and expects what the uninterrupted run computed. How many
  // stops.
  int ResumeAfterStops(const Json& spec, int stride) {
    const int calls = RunWhole(spec);
    const std::string expected = Outcome("whole");
    int stops = 0;
    for (int stop_at = 1; stop_at <= calls; stop_at += stride, ++stops) {
      const std::string name = absl::StrCat("stopped-", stop_at);
      CountingControls controls(stop_at);
      EXPECT_EQ(Run(spec, name, controls).reason, ExitReason::kStopped) << stop_at;
      EXPECT_EQ(Run(spec, name).reason, ExitReason::kCompleted) << stop_at;
      EXPECT_EQ(Outcome(name), expected) << "stopped at call " << stop_at;
      if (HasFailure()) break;
      std::filesystem::remove_all(Folder(name));
    }
    return stops;
  }

  // Trains in a process of its own, which is killed. Whether it was.
  bool RunKilled(const Json& spec, const std::string& name, int kill_at) {
    const pid_t pid = fork();
    if (pid == 0) {
      KillingControls controls(kill_at);
      Run(spec, name, controls);
      _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
};

TEST_P(ResumeTest, StoppingAnywhereAndGoingOnChangesNoBit) {
  const int stops = ResumeAfterStops(FortySteps(), 1);
  ASSERT_GT(stops, static_cast<int>(kSteps));  // passes over validation and test records ask, too
  RecordCount("stops_resumed", stops);
}

TEST_P(ResumeTest, AugmentedTrainingsResumeWithoutChangingABit) {
  EXPECT_GT(ResumeAfterStops(Augmented(FortySteps(), GetParam()), LongTests() ? 1 : 6), 5);
}

// Nobody saves anything at the end: training goes back to the last periodic checkpoint, or to the start.
TEST_P(ResumeTest, BeingKilledAnywhereAndGoingOnChangesNoBit) {
  const Json spec = FortySteps();
  const int calls = RunWhole(spec);
  const std::string expected = Outcome("whole");
  const int stride = LongTests() ? 1 : 6;
  int kills = 0;
  for (int kill_at = 1; kill_at <= calls; kill_at += stride, ++kills) {
    const std::string name = absl::StrCat("killed-", kill_at);
    ASSERT_TRUE(RunKilled(spec, name, kill_at)) << kill_at;
    ASSERT_EQ(Run(spec, name).reason, ExitReason::kCompleted) << kill_at;
    ASSERT_EQ(Outcome(name), expected) << "killed at call " << kill_at;
    std::filesystem::remove_all(Folder(name));
  }
  RecordCount("kills_resumed", kills);
}

TEST_P(ResumeTest, ManyProcessesOfOneStepEachChangeNoBit) {
  const Json spec = FortySteps();
  RunWhole(spec);
  TrainerExit end;
  uint64_t last_step = 0;
  for (int i = 0; i < 100 && end.reason != ExitReason::kCompleted; ++i) {
    // The second time it is asked: a pass over the validation or test set that is stopped at once starts
    // anew.
    CountingControls controls(last_step == end.step ? 2 + i : 2);
    last_step = end.step;
    end = Run(spec, "steps", controls);
    ASSERT_TRUE(end.reason == ExitReason::kStopped || end.reason == ExitReason::kCompleted) << end.message;
  }
  ASSERT_EQ(end.reason, ExitReason::kCompleted);
  EXPECT_EQ(Outcome("steps"), Outcome("whole"));
}

// A change of one number in the environment is seen, said and stamped on the result, also by those who go on
// from there.
TEST_P(ResumeTest, AnotherEnvironmentMakesTheResultApproximate) {
  const Json spec = FortySteps();
  for (const char* member : {"program", "libtorch", "cpu", "threads"}) {
    const std::string name = absl::StrCat("moved-", member);
    CountingControls first(12);
    ASSERT_EQ(Run(spec, name, first).reason, ExitReason::kStopped);
    auto checkpoint = ReadCheckpoint(NewestCheckpoint(name));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    ASSERT_TRUE(checkpoint->manifest["fingerprint"].contains(member));
    checkpoint->manifest["fingerprint"][member] = "another";
    ASSERT_TRUE(WriteCheckpoint(Folder(name) / "checkpoints", *checkpoint).ok());
    CountingControls second(12);
    ASSERT_EQ(Run(spec, name, second).reason, ExitReason::kStopped);
    ASSERT_EQ(Run(spec, name).reason, ExitReason::kCompleted);
    const std::vector<Json> warnings = Events(name, "warning");
    ASSERT_EQ(warnings.size(), 1u) << member;
    EXPECT_EQ(warnings[0]["code"], "APPROXIMATE_RESUME");
    EXPECT_THAT(warnings[0]["message"].get<std::string>(), HasSubstr("another"));
    EXPECT_EQ(Events(name, "result").at(0)["values"]["approximate_resumes"], 1) << member;
  }
}

TEST_P(ResumeTest, AnotherDataSetIsNeverTrainedOnSilently) {
  Json spec = FortySteps();
  CountingControls controls(12);
  ASSERT_EQ(Run(spec, "changed", controls).reason, ExitReason::kStopped);
  spec["data"]["seed"] = 77;
  const TrainerExit end = Run(spec, "changed");
  EXPECT_EQ(end.reason, ExitReason::kDataChanged);
  EXPECT_THAT(end.message, HasSubstr("the data set has changed"));
}

// Without a checkpoint there is only the digest that the attempt before has reported.
TEST_P(ResumeTest, AnotherDataSetThanThatOfAnEarlierAttemptIsRefused) {
  Json spec = FortySteps();
  CountingControls controls(12);
  ASSERT_EQ(Run(spec, "first", controls).reason, ExitReason::kStopped);
  const std::vector<Json> phases = Events("first", "phase");
  const auto training = std::find_if(phases.begin(), phases.end(),
                                     [](const Json& phase) { return phase.contains("source_digest"); });
  ASSERT_NE(training, phases.end());
  spec["data"]["source_digest"] = (*training)["source_digest"];
  CountingControls again(12);
  EXPECT_EQ(Run(spec, "same", again).reason, ExitReason::kStopped);
  spec["data"]["seed"] = 77;
  const TrainerExit end = Run(spec, "other");
  EXPECT_EQ(end.reason, ExitReason::kDataChanged);
  EXPECT_THAT(end.message, HasSubstr((*training)["source_digest"].get<std::string>()));
}

INSTANTIATE_TEST_SUITE_P(Tasks, ResumeTest, testing::Values("pretrain", "finetune"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace ecgtrain
