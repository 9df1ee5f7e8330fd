#include "worker/data/signal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

namespace ecgtrain {
namespace {

using Blocks = std::map<std::string, std::vector<double>>;

// reference/signal.txt, written by make_signal_reference.py.
const Blocks& Reference() {
  static const Blocks* blocks = [] {
    auto* result = new Blocks;
    std::ifstream in(std::string(std::getenv("ECGTRAIN_SOURCE_DIR")) +
                     "/tests/worker/data/reference/signal.txt");
    std::string name;
    size_t count;
    while (in >> name >> count) {
      std::vector<double>& values = (*result)[name];
      for (std::string value; values.size() < count && in >> value;) values.push_back(std::stod(value));
    }
    return result;
  }();
  return *blocks;
}

void ExpectSame(const std::vector<double>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  ASSERT_GT(largest, 0);
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_NEAR(actual[i], expected[i], 1e-9 * largest) << "at " << i;
}

class ResampleTest : public ::testing::TestWithParam<std::pair<uint32_t, uint32_t>> {};

TEST_P(ResampleTest, EqualsScipy) {
  const auto [up, down] = GetParam();
  const std::string name = "resample_" + std::to_string(up) + "_" + std::to_string(down);
  ExpectSame(ResamplePoly(Reference().at(name + "_in"), 1, up, down), Reference().at(name + "_out"));
}

INSTANTIATE_TEST_SUITE_P(Ratios, ResampleTest,
                         ::testing::Values(std::pair(4, 5), std::pair(2, 5), std::pair(4, 1), std::pair(8, 5),
                                           std::pair(1, 4), std::pair(400, 257), std::pair(2, 2)));

class HighPassTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(HighPassTest, EqualsScipy) {
  for (const char* length : {"", "_shortest"}) {
    const std::string name = "highpass_" + std::to_string(GetParam()) + length;
    std::vector<double> x = Reference().at(name + "_in");
    ASSERT_TRUE(HighPass(GetParam(), 1, x).ok());
    ExpectSame(x, Reference().at(name + "_out"));
  }
}

TEST_P(HighPassTest, RemovesOffsetAndKeepsFastWave) {
  std::vector<double> x;
  for (uint32_t t = 0; t < 10 * GetParam(); ++t) {
    x.push_back(5 + std::sin(2 * M_PI * 10 * t / GetParam()));
  }
  ASSERT_TRUE(HighPass(GetParam(), 1, x).ok());
  double sum = 0, square = 0;
  for (const double value : x) {
    sum += value;
    square += value * value;
  }
  EXPECT_NEAR(sum / x.size(), 0, 0.05);
  EXPECT_NEAR(square / x.size(), 0.5, 0.06);  // two passes with up to 0.5 dB ripple each
}

INSTANTIATE_TEST_SUITE_P(Rates, HighPassTest, ::testing::Values(100, 400));

TEST(SignalTest, ChannelsAreIndependent) {
  const std::vector<double>& a = Reference().at("highpass_100_in");
  std::vector<double> frames;
  for (size_t t = 0; t < a.size(); ++t) frames.insert(frames.end(), {a[t], -2 * a[a.size() - 1 - t], 1.0});
  std::vector<double> reversed(a.rbegin(), a.rend());
  const auto channel = [](const std::vector<double>& x, size_t c) {
    std::vector<double> result;
    for (size_t i = c; i < x.size(); i += 3) result.push_back(x[i]);
    return result;
  };
  const std::vector<double> resampled = ResamplePoly(frames, 3, 4, 1);
  EXPECT_EQ(channel(resampled, 0), ResamplePoly(a, 1, 4, 1));
  ASSERT_TRUE(HighPass(100, 3, frames).ok());
  std::vector<double> alone = a;
  ASSERT_TRUE(HighPass(100, 1, alone).ok());
  ASSERT_TRUE(HighPass(100, 1, reversed).ok());
  ExpectSame(channel(frames, 0), alone);
  for (double& value : reversed) value *= -2;
  ExpectSame(channel(frames, 1), reversed);
  for (const double value : channel(frames, 2)) EXPECT_NEAR(value, 0, 1e-9);
}

TEST(SignalTest, TooShortSignalIsAnError) {
  std::vector<double> x(kMinHighPassLength - 1, 1.0);
  const absl::Status status = HighPass(400, 1, x);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("13 or more"));
}

TEST(SignalTest, RateWithoutSectionsIsAnError) {
  EXPECT_FALSE(HasHighPass(250));
  std::vector<double> x(100, 1.0);
  EXPECT_EQ(HighPass(250, 1, x).code(), absl::StatusCode::kInvalidArgument);
}

TEST(SignalTest, OneSampleResamplesToItsOutputLength) {
  EXPECT_EQ(ResamplePoly(std::vector<double>{1.0}, 1, 4, 1).size(), 4u);
  EXPECT_EQ(ResamplePoly(std::vector<double>{1.0}, 1, 1, 4).size(), 1u);
  EXPECT_TRUE(ResamplePoly({}, 1, 4, 5).empty());
}

}  // namespace
}  // namespace ecgtrain
