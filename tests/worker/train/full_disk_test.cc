// A full disk, at any write of an attempt (P37, F18): a checkpoint is skipped and training goes on, a good
// file is never replaced by a partial one, and what the disk did cannot be seen in what the training
// computed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/long_tests.h"
#include "tests/worker/train/attempt_fixture.h"
#include "tests/worker/train/failing_calls.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

class FullDisk : public AttemptFixture {
 protected:
  void SetUp() override {
    spec_ = Spec("finetune");
    spec_["spec"]["checkpoint"] = {{"every_steps", 2}};
    ASSERT_EQ(Run(spec_, "packs").reason, ExitReason::kCompleted);
    calls_ = RunWhileFull("whole", kEndless, 0).second;
    ASSERT_GT(calls_, 100);
  }

  // How it ended, and the number of calls that wrote into the run directory.
  std::pair<TrainerExit, int> RunWhileFull(const std::string& name, int first, int count) {
    const Path file = WriteSpec(spec_, name);
    CountingControls controls;
    const FullDiskCalls full(first, count, Folder(name).string());
    const TrainerExit end = RunTrainer(file, Folder(name), controls, clock_);
    return {end, full.calls()};
  }

  void ExpectOnlyWholeCheckpoints(const std::string& name) {
    const Path folder = Folder(name) / "checkpoints";
    for (const uint64_t step : ListCheckpoints(folder)) {
      EXPECT_TRUE(ReadCheckpoint(folder / run_directory::CheckpointName(step)).ok()) << step;
    }
    EXPECT_FALSE(HoldsCheckpointSetAside(folder));
  }

  int Stride() const { return LongTests() ? 1 : 31; }

  Json spec_;
  int calls_ = 0;
};

TEST_F(FullDisk, AtOneWriteCostsACheckpointAtMost) {
  const std::string expected = Outcome("whole");
  int places = 0;
  for (int first = 1; first <= calls_; first += Stride(), ++places) {
    const std::string name = absl::StrCat("once-", first);
    SCOPED_TRACE(name);
    const TrainerExit end = RunWhileFull(name, first, 1).first;
    ExpectOnlyWholeCheckpoints(name);
    if (end.reason != ExitReason::kCompleted) {  // the last checkpoint, or an artifact: there is no later try
      ASSERT_EQ(end.reason, ExitReason::kDiskFull) << end.message;
      ASSERT_EQ(Run(spec_, name).reason, ExitReason::kCompleted);
    }
    ASSERT_EQ(Outcome(name), expected);
    std::filesystem::remove_all(Folder(name));
  }
  RecordCount("full_disk_places", places);
}

TEST_F(FullDisk, FromAnyWriteOnEndsTheAttemptAndTheNextOneGoesOn) {
  const std::string expected = Outcome("whole");
  int places = 0;
  for (int first = 1; first < calls_; first += Stride(), ++places) {
    const std::string name = absl::StrCat("endless-", first);
    SCOPED_TRACE(name);
    const auto [end, calls] = RunWhileFull(name, first, kEndless);
    if (end.reason == ExitReason::kCompleted) {  // no write but the last, exit.json, can have failed
      ASSERT_LE(calls, first);
      break;
    }
    ASSERT_EQ(end.reason, ExitReason::kDiskFull) << end.message;
    ExpectOnlyWholeCheckpoints(name);
    ASSERT_EQ(Run(spec_, name).reason, ExitReason::kCompleted);
    ASSERT_EQ(Outcome(name), expected);
    std::filesystem::remove_all(Folder(name));
  }
  EXPECT_GT(places, 0);
  RecordCount("full_disk_places", places);
}

TEST_F(FullDisk, ThreeTriesAreMadeAndTrainingGoesOnBetweenThem) {
  const Path file = WriteSpec(spec_, "three");
  CountingControls controls;
  const FullDiskCalls full(1, kEndless, (Folder("three") / "checkpoints/").string());
  const TrainerExit end = RunTrainer(file, Folder("three"), controls, clock_);
  EXPECT_EQ(end.reason, ExitReason::kDiskFull);
  EXPECT_THAT(end.message, testing::ContainsRegex("[34] times in a row"));  // 4: the last save came between
  EXPECT_GT(end.step, 3u);
  const std::vector<Json> warnings = Events("three", "warning");
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_THAT(warnings[0]["message"].get<std::string>(), HasSubstr("checkpoint of step 2 left out"));
  EXPECT_NE(warnings[0]["message"], warnings[1]["message"]);
  EXPECT_EQ(Json::parse(*ReadFile(Folder("three") / "exit.json"))["reason"], "DISK_FULL");
}

}  // namespace
}  // namespace ecgtrain
