#include "worker/train/white_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace ecgtrain {
namespace {

std::vector<float> Draw(size_t blocks) {
  const RandomStream stream(7, RandomPurpose::kAugment);
  std::vector<float> draws;
  for (size_t block = 0; block < blocks; ++block) {
    float noise[kNoiseBlock];
    DrawNoise(stream, block, noise);
    draws.insert(draws.end(), noise, noise + kNoiseBlock);
  }
  return draws;
}

double Correlation(const std::vector<float>& draws, size_t lag) {
  double sum = 0;
  for (size_t i = lag; i < draws.size(); ++i) sum += double{draws[i]} * draws[i - lag];
  return sum / static_cast<double>(draws.size() - lag);
}

// The largest distance between the shares below a value and those of the normal distribution: of n draws it
// exceeds 1.95 / sqrt(n) once in a thousand times (Kolmogorov).
TEST(WhiteNoise, IsNormal) {
  std::vector<float> draws = Draw(1000);
  std::sort(draws.begin(), draws.end());
  const auto count = static_cast<double>(draws.size());
  double distance = 0;
  for (size_t i = 0; i < draws.size(); ++i) {
    const double expected = std::erfc(-double{draws[i]} / std::sqrt(2.0)) / 2;
    distance = std::max(distance, std::abs((static_cast<double>(i) + 0.5) / count - expected));
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(count));
  EXPECT_GT(draws.back(), 4);
  EXPECT_LT(draws.back(), 5.8);
  EXPECT_LT(draws.front(), -4);
  EXPECT_GT(draws.front(), -5.8);
}

// Neighbours, the two draws that one pair of even ones gives, leads of one frame, neighbouring frames.
TEST(WhiteNoise, RemembersNothing) {
  const std::vector<float> draws = Draw(1000);
  const double bound = 4 / std::sqrt(static_cast<double>(draws.size()));
  for (const size_t lag : {size_t{1}, size_t{11}, size_t{12}, kNoiseBlock / 2, kNoiseBlock}) {
    EXPECT_LT(std::abs(Correlation(draws, lag)), bound) << lag;
  }
  double squares = 0;  // the two of a pair have a radius in common, and yet no dependence
  for (size_t i = 0; i < draws.size(); i += kNoiseBlock) {
    for (size_t k = i; k < i + kNoiseBlock / 2; ++k)
      squares += (double{draws[k]} * draws[k] - 1) *
                 (double{draws[k + kNoiseBlock / 2]} * draws[k + kNoiseBlock / 2] - 1);
  }
  EXPECT_LT(std::abs(squares * 2 / static_cast<double>(draws.size())), 4 * 2 / std::sqrt(draws.size() / 2.0));
}

// Part of what a seed means: the same bits with every compiler and processor. The numbers are from NumPy, in
// float32.
TEST(WhiteNoise, IsTheSameEverywhere) {
  const std::vector<float> draws = Draw(2);
  const auto at = [&](size_t i) { return draws[i]; };
  EXPECT_EQ(at(0), 0.660547435f);
  EXPECT_EQ(at(384), -0.745510638f);
  EXPECT_EQ(at(767), 0.538638651f);
  EXPECT_EQ(at(768), 0.379982054f);
}

}  // namespace
}  // namespace ecgtrain
