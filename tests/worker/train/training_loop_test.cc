#include "worker/train/training_loop.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/worker/train/fake_pack.h"
#include "worker/train/failure.h"

namespace ecgtrain {
namespace {

class OneWeight final : public Network {
 public:
  OneWeight() : Network({.seed = 1}), weight_(weights_.AddWeight("w", {1, 1}, 1)) {}
  at::Tensor Forward(const at::Tensor&, const ForwardMode&) const override { return weight_.sum(); }
  void FreezeEncoder() override {}

 private:
  at::Tensor weight_;
};

// Eight records; each step takes a minute by the fake clock.
class FakeTask final : public TrainingTask {
 public:
  explicit FakeTask(FakeClock& clock) : clock_(clock), records_(8) {}
  Network& network() override { return network_; }
  const RecordSet& training_records() const override { return records_; }
  Batch MakeBatch(absl::Span<const size_t>, uint64_t) const override { return {.x = at::zeros({1})}; }
  at::Tensor Loss(const Batch&, const ForwardMode&) const override {
    clock_.Advance(absl::Minutes(1));
    return network_.Forward({}, {}).mul(factor);
  }
  absl::StatusOr<std::optional<Metrics>> Validate(Pulse pulse) const override {
    auto go_on = pulse(1, 1);
    if (!go_on.ok()) return go_on.status();
    return *go_on ? std::optional<Metrics>({{"validation/loss", 1.0}}) : std::nullopt;
  }
  bool needs_best_weights() const override { return false; }

  double factor = 1;

 private:
  FakeClock& clock_;
  RecordSet records_;
  OneWeight network_;
};

// Waits for the checkpoint being written whenever it is asked, so that none is left out for being too slow.
class FakeControls final : public Controls {
 public:
  bool StopRequested() override {
    EXPECT_TRUE(keeper->Finish().ok());
    return false;
  }
  bool TakeCheckpointRequest() override { return ++asked == checkpoint_at; }
  CheckpointKeeper* keeper = nullptr;
  int asked = 0;
  int checkpoint_at = 0;
};

class TrainingLoopTest : public testing::Test {
 protected:
  TrainingLoopTest() {
    config_.schedule = {.epochs = 3, .batch_size = 1, .log_every = 4};
    config_.checkpoint = {.every = absl::Hours(10), .keep_last = 100, .metric = "validation/loss"};
    config_.manifest = {{"task", "pretrain"}, {"model", nlohmann::json::object()}};
  }

  absl::StatusOr<LoopEnd> Run() {
    CheckpointKeeper keeper(folder_.path(), {.keep_last = 100, .metric = "validation/loss"}, events_);
    controls_.keeper = &keeper;
    TrainingLoop loop(task_, config_, {events_, keeper, controls_, clock_});
    return loop.Run();
  }

  std::vector<uint64_t> SavedSteps() {
    std::vector<uint64_t> steps;
    for (const auto& event : events_.OfType("checkpoint")) steps.push_back(event["step"]);
    return steps;
  }

  FakeClock clock_;
  FakeTask task_{clock_};
  FakeEvents events_;
  FakeControls controls_;
  TemporaryFolder folder_;
  LoopConfig config_;
};

TEST_F(TrainingLoopTest, SavesTheBestEpochAndTheEnd) {
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(SavedSteps(), (std::vector<uint64_t>{8, 24}));
}

TEST_F(TrainingLoopTest, LogsEveryFewStepsAndOncePerStep) {
  ASSERT_TRUE(Run().ok());
  std::vector<uint64_t> steps;
  for (const auto& event : events_.OfType("metrics")) {
    if (event["values"].contains("train/loss")) steps.push_back(event["step"]);
  }
  EXPECT_EQ(steps, (std::vector<uint64_t>{4, 8, 12, 16, 20, 24}));
}

TEST_F(TrainingLoopTest, SavesByStepsAndWaitsForTheValidationAtAnEpochsEnd) {
  config_.checkpoint.every_steps = 4;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(SavedSteps(), (std::vector<uint64_t>{4, 8, 12, 16, 20, 24}));
}

TEST_F(TrainingLoopTest, SavesWhenTheTimeIsOver) {
  config_.checkpoint.every = absl::Minutes(11);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(SavedSteps(), (std::vector<uint64_t>{8, 19, 24}));
}

TEST_F(TrainingLoopTest, SavesWhenSomebodyAsks) {
  controls_.checkpoint_at = 3;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(SavedSteps(), (std::vector<uint64_t>{3, 8, 24}));
}

TEST_F(TrainingLoopTest, EndsAfterTenStepsThatAreNotFinite) {
  task_.factor = std::numeric_limits<double>::quiet_NaN();
  const absl::Status status = Run().status();
  EXPECT_EQ(ReasonOf(status), run_directory::ExitReason::kNonFinite);
  EXPECT_FALSE(events_.OfType("warning").empty());
}

}  // namespace
}  // namespace ecgtrain
