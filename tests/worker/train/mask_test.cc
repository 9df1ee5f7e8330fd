#include "worker/train/mask.h"

#include <gtest/gtest.h>

#include <numeric>

namespace ecgtrain {
namespace {

int Count(const std::vector<uint8_t>& mask) { return std::accumulate(mask.begin(), mask.end(), 0); }

RandomStream Stream(uint64_t record) { return {1, RandomPurpose::kMask, 0, record}; }

TEST(DrawMask, ExactHidesAQuarterOfTheCellsWithSignalAndNeverPadding) {
  const SampleRange signal = {581, 3515};  // 2,934 samples in the middle: cells 9 to 54
  for (uint64_t record = 0; record < 50; ++record) {
    const std::vector<uint8_t> mask = DrawMask({}, 4096, signal, Stream(record));
    ASSERT_EQ(mask.size(), 64u);
    EXPECT_EQ(Count(mask), 12);  // round(0.25 x 46)
    for (int cell = 0; cell < 64; ++cell) {
      EXPECT_FALSE(mask[cell] == 1 && (cell < 9 || cell > 54)) << cell;
    }
  }
}

TEST(DrawMask, IsAFunctionOfTheStream) {
  EXPECT_EQ(DrawMask({}, 4096, {0, 4096}, Stream(3)), DrawMask({}, 4096, {0, 4096}, Stream(3)));
  EXPECT_NE(DrawMask({}, 4096, {0, 4096}, Stream(3)), DrawMask({}, 4096, {0, 4096}, Stream(4)));
}

TEST(DrawMask, IgnoringPaddingCoversTheWholeInput) {
  MaskSettings settings;
  settings.avoid_padding = false;
  std::vector<int> hits(64, 0);
  for (uint64_t record = 0; record < 400; ++record) {
    const auto mask = DrawMask(settings, 4096, {2000, 2100}, Stream(record));
    EXPECT_EQ(Count(mask), 16);
    for (int cell = 0; cell < 64; ++cell) hits[cell] += mask[cell];
  }
  for (int cell = 0; cell < 64; ++cell) EXPECT_NEAR(hits[cell], 100, 45) << cell;
}

TEST(DrawMask, BernoulliVariesAroundTheRatioAndReplacementRepeats) {
  MaskSettings settings;
  settings.draw = MaskDraw::kBernoulli;
  int total = 0;
  for (uint64_t record = 0; record < 400; ++record)
    total += Count(DrawMask(settings, 4096, {0, 4096}, Stream(record)));
  EXPECT_NEAR(total / 400.0, 16, 1);
  settings.draw = MaskDraw::kWithReplacement;
  int fewer = 0;
  for (uint64_t record = 0; record < 100; ++record) {
    const int count = Count(DrawMask(settings, 4096, {0, 4096}, Stream(record)));
    EXPECT_LE(count, 16);
    fewer += count < 16;
  }
  EXPECT_GT(fewer, 50);
}

TEST(DrawMask, HidesAtLeastOneCellOfAShortRecord) {
  EXPECT_EQ(Count(DrawMask({}, 4096, {2043, 2053}, Stream(0))), 1);
  EXPECT_EQ(Count(DrawMask({}, 4096, {2048, 2048}, Stream(0))), 0);
}

}  // namespace
}  // namespace ecgtrain
