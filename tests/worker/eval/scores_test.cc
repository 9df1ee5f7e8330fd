#include "worker/eval/scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>

namespace ecgtrain {
namespace {

TEST(ScoreClassTest, PerfectOrderScoresOne) {
  const ClassScores scores =
      ScoreClass(std::vector<float>{0.1f, 0.2f, 0.8f, 0.9f}, std::vector<uint8_t>{0, 0, 1, 1});
  EXPECT_EQ(scores.positives, 2u);
  EXPECT_DOUBLE_EQ(*scores.auroc, 1);
  EXPECT_DOUBLE_EQ(*scores.average_precision, 1);
}

TEST(ScoreClassTest, ReversedOrderScoresZero) {
  const ClassScores scores =
      ScoreClass(std::vector<float>{0.9f, 0.8f, 0.2f, 0.1f}, std::vector<uint8_t>{0, 0, 1, 1});
  EXPECT_DOUBLE_EQ(*scores.auroc, 0);
  EXPECT_DOUBLE_EQ(*scores.average_precision, (1.0 / 3 + 2.0 / 4) / 2);
}

TEST(ScoreClassTest, TiesCountHalf) {
  const std::vector<float> equal(6, 0.5f);
  const ClassScores scores = ScoreClass(equal, std::vector<uint8_t>{1, 0, 0, 1, 0, 0});
  EXPECT_DOUBLE_EQ(*scores.auroc, 0.5);
  EXPECT_DOUBLE_EQ(*scores.average_precision, 2.0 / 6);
  // Positives 0.4 and 0.7, negatives 0.4 and 0.1: of four pairs three are won and one is a tie.
  EXPECT_DOUBLE_EQ(
      *ScoreClass(std::vector<float>{0.4f, 0.4f, 0.7f, 0.1f}, std::vector<uint8_t>{1, 0, 1, 0}).auroc,
      3.5 / 4);
}

TEST(ScoreClassTest, OneSidedClassHasNoScore) {
  const std::vector<float> probabilities = {0.1f, 0.2f};
  EXPECT_FALSE(ScoreClass(probabilities, std::vector<uint8_t>{0, 0}).auroc.has_value());
  const ClassScores all_positive = ScoreClass(probabilities, std::vector<uint8_t>{1, 1});
  EXPECT_EQ(all_positive.positives, 2u);
  EXPECT_FALSE(all_positive.auroc.has_value());
  EXPECT_FALSE(all_positive.average_precision.has_value());
}

TEST(FMaxTest, HandComputedThresholds) {
  // Record 0 has class 0, record 1 has class 1. Up to 0.20 both predict both: precision 1/2, recall 1, F 2/3.
  // At 0.21 to 0.50 record 0 predicts class 0 alone (1, 1), record 1 both (1/2, 1): P 3/4, R 1, F 6/7. At
  // 0.51 to 0.60 record 1 predicts only class 0, which is wrong: P 1/2, R 1/2.
  const std::vector<float> probabilities = {0.7f, 0.2f, 0.6f, 0.5f};
  const FMax f_max = ComputeFMax(probabilities, std::vector<uint8_t>{1, 0, 0, 1}, 2);
  EXPECT_DOUBLE_EQ(f_max.value, 6.0 / 7);
  EXPECT_DOUBLE_EQ(f_max.threshold, 0.21);
}

TEST(FMaxTest, RecordWithoutPredictionLeavesThePrecisionMean) {
  // At 0.11 and above record 1 predicts nothing: precision 1 over one record, recall 1/2 over two, F 2/3. At
  // 0 to 0.10: precision (1/2 + 1/2) / 2, recall 1, F 2/3 as well: the lowest threshold is reported.
  const FMax f_max =
      ComputeFMax(std::vector<float>{0.9f, 0.1f, 0.1f, 0.1f}, std::vector<uint8_t>{1, 0, 0, 1}, 2);
  EXPECT_DOUBLE_EQ(f_max.value, 2.0 / 3);
  EXPECT_DOUBLE_EQ(f_max.threshold, 0);
}

TEST(FMaxTest, ThresholdIsReachedByEqualProbability) {
  // 0.5 is exact in binary: predicted at 0.50, and alone from 0.50 on because the other class ends below it.
  const FMax at = ComputeFMax(std::vector<float>{0.5f, 0.495f}, std::vector<uint8_t>{1, 0}, 2);
  EXPECT_DOUBLE_EQ(at.value, 1);
  EXPECT_DOUBLE_EQ(at.threshold, 0.5);
  const FMax one = ComputeFMax(std::vector<float>{1.0f, 0.995f}, std::vector<uint8_t>{1, 0}, 2);
  EXPECT_DOUBLE_EQ(one.value, 1);
  EXPECT_DOUBLE_EQ(one.threshold, 1);
}

TEST(FMaxTest, NothingTrueIsZero) {
  EXPECT_EQ(ComputeFMax(std::vector<float>{0.5f, 0.5f}, std::vector<uint8_t>{0, 0}, 2).value, 0);
}

TEST(ComputeScoresTest, EqualsNumpyReference) {
  std::ifstream in(std::string(std::getenv("ECGTRAIN_SOURCE_DIR")) +
                   "/tests/worker/eval/reference/scores.txt");
  size_t records = 0, classes = 0;
  ASSERT_TRUE(in >> records >> classes);
  std::vector<float> probabilities(records * classes);
  std::vector<uint8_t> labels(records * classes);
  for (size_t i = 0; i < records; ++i) {
    for (size_t k = 0; k < classes; ++k) in >> probabilities[i * classes + k];
    for (size_t k = 0; k < classes; ++k) {
      int label = 0;
      in >> label;
      labels[i * classes + k] = static_cast<uint8_t>(label);
    }
  }
  const absl::StatusOr<Scores> scores = ComputeScores(probabilities, labels, classes);
  ASSERT_TRUE(scores.ok()) << scores.status();
  double auroc_sum = 0, precision_sum = 0;
  for (const ClassScores& each : scores->classes) {
    std::string auroc, precision;
    ASSERT_TRUE(in >> auroc >> precision);
    ASSERT_EQ(each.auroc.has_value(), auroc != "nan");
    if (!each.auroc) continue;
    EXPECT_NEAR(*each.auroc, std::stod(auroc), 1e-12);
    EXPECT_NEAR(*each.average_precision, std::stod(precision), 1e-12);
    auroc_sum += std::stod(auroc);
    precision_sum += std::stod(precision);
  }
  double f_max = 0, threshold = 0;
  ASSERT_TRUE(in >> f_max >> threshold);
  EXPECT_EQ(scores->records, records);
  EXPECT_EQ(scores->classes_scored, 5u);
  EXPECT_EQ(scores->classes_left_out, 2u);
  EXPECT_NEAR(*scores->auroc_macro, auroc_sum / 5, 1e-12);
  EXPECT_NEAR(*scores->auprc_macro, precision_sum / 5, 1e-12);
  EXPECT_NEAR(scores->f_max.value, f_max, 1e-12);
  EXPECT_DOUBLE_EQ(scores->f_max.threshold, threshold);
}

TEST(ComputeScoresTest, MacroNeedsAClassWithBothSides) {
  const absl::StatusOr<Scores> scores =
      ComputeScores(std::vector<float>{0.5f, 0.5f}, std::vector<uint8_t>{1, 1}, 1);
  ASSERT_TRUE(scores.ok());
  EXPECT_FALSE(scores->auroc_macro.has_value());
  EXPECT_EQ(scores->classes_left_out, 1u);
}

TEST(ComputeScoresTest, InputThatDoesNotFitIsRefused) {
  const auto code = [](const std::vector<float>& probabilities, const std::vector<uint8_t>& labels,
                       size_t classes) {
    return ComputeScores(probabilities, labels, classes).status().code();
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(code({}, {}, 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0.5f}, {1}, 0), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0.5f, 0.5f, 0.5f}, {1, 0, 1}, 2), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0.5f, 0.5f}, {1}, 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1.5f}, {1}, 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({-0.1f}, {1}, 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({nan}, {1}, 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0.5f}, {2}, 1), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ecgtrain
