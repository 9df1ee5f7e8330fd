#include "worker/train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "worker/train/progress_meter.h"

namespace ecgtrain {
namespace {

TEST(PlateauSchedule, DropsAfterPatienceEpochsWithoutABetterMetric) {
  PlateauSchedule schedule(1e-3, 0.1, 2, /*larger_is_better=*/false);
  EXPECT_TRUE(schedule.Observe(1.0));
  EXPECT_FALSE(schedule.Observe(1.0));
  EXPECT_DOUBLE_EQ(schedule.learning_rate(), 1e-3);
  EXPECT_FALSE(schedule.Observe(1.1));
  EXPECT_DOUBLE_EQ(schedule.learning_rate(), 1e-4);
  EXPECT_TRUE(schedule.Observe(0.9));
  EXPECT_FALSE(schedule.Observe(2));
  EXPECT_DOUBLE_EQ(schedule.learning_rate(), 1e-4);
}

TEST(PlateauSchedule, NotANumberIsNeverTheBest) {
  PlateauSchedule schedule(1, 0.5, 1, /*larger_is_better=*/true);
  EXPECT_FALSE(schedule.Observe(std::nan("")));
  EXPECT_TRUE(schedule.Observe(0.1));
  EXPECT_FALSE(schedule.Observe(std::nan("")));
  EXPECT_DOUBLE_EQ(schedule.learning_rate(), 0.25);
}

TEST(PlateauSchedule, GoesOnFromASavedState) {
  PlateauSchedule one(1, 0.5, 2, true);
  one.Observe(0.5);
  one.Observe(0.4);
  PlateauSchedule other(1, 0.5, 2, true);
  other.Restore(one.state());
  one.Observe(0.4);
  other.Observe(0.4);
  EXPECT_EQ(one.learning_rate(), 0.5);
  EXPECT_EQ(other.learning_rate(), 0.5);
}

TEST(ProgressMeter, ReportsTheFirstStepAndThenAtIntervals) {
  ProgressMeter meter(absl::Seconds(100));
  EXPECT_TRUE(meter.TakeDue(absl::Seconds(100)));
  EXPECT_FALSE(meter.TakeDue(absl::Seconds(101)));
  EXPECT_TRUE(meter.TakeDue(absl::Seconds(100) + ProgressMeter::kInterval));
}

TEST(ProgressMeter, MeasuresSpeedOverTheLatestSteps) {
  ProgressMeter meter(absl::ZeroDuration());
  EXPECT_EQ(meter.records_per_second(), 0);
  for (int i = 0; i < 100; ++i) {
    const absl::Duration begin = absl::Seconds(i);
    meter.AddStep(8, begin, absl::Milliseconds(10), begin + absl::Seconds(i < 50 ? 4 : 1));
  }
  EXPECT_NEAR(meter.records_per_second(), 64 * 8 / (14 * 4.0 + 50), 1e-9);
  EXPECT_DOUBLE_EQ(meter.median_step_seconds(), 1);
  EXPECT_DOUBLE_EQ(meter.data_wait_seconds(), 1);
}

}  // namespace
}  // namespace ecgtrain
