#include "worker/train/window.h"

#include <gtest/gtest.h>

namespace ecgtrain {
namespace {

SampleRange RangeAt(uint32_t place, uint32_t length) {
  return SignalRange(WindowAt(place, 0, length, 4096), length, 4096);
}

TEST(Window, InTheMiddleShortRecordsArePaddedAndLongOnesCutOnBothSides) {
  // The published example: 2,934 samples begin at 581 (paper.md, section 1.1).
  const uint32_t place = AlignedPlace(Align::kMiddle, Slack(2934, 4096));
  EXPECT_EQ(RangeAt(place, 2934).begin, 581u);
  EXPECT_EQ(RangeAt(place, 2934).end, 3515u);
  const Window cut = WindowAt(AlignedPlace(Align::kMiddle, Slack(5000, 4096)), 7, 5000, 4096);
  EXPECT_EQ(cut.record, 7u);
  EXPECT_EQ(cut.begin, 452u);
  EXPECT_EQ(cut.padding, 0u);
  EXPECT_EQ(SignalRange(cut, 5000, 4096).begin, 0u);
  EXPECT_EQ(SignalRange(cut, 5000, 4096).end, 4096u);
}

TEST(Window, AtTheStartRecordsArePaddedAndCutAtTheirEnd) {
  for (const uint32_t length : {0u, 1u, 4095u, 4096u, 4097u, 9000u}) {
    const uint32_t place = AlignedPlace(Align::kStart, Slack(length, 4096));
    EXPECT_EQ(WindowAt(place, 0, length, 4096).begin, 0u);
    EXPECT_EQ(RangeAt(place, length).begin, 0u);
    EXPECT_EQ(RangeAt(place, length).end, std::min(length, 4096u));
  }
}

TEST(Window, EveryPlaceInTheSlackHoldsAsMuchSignalAsFits) {
  for (const uint32_t length : {0u, 4090u, 4096u, 4100u}) {
    const uint32_t slack = Slack(length, 4096);
    for (uint32_t place = 0; place <= slack; ++place) {
      const Window window = WindowAt(place, 0, length, 4096);
      const SampleRange range = SignalRange(window, length, 4096);
      EXPECT_EQ(range.end - range.begin, std::min(length, 4096u));
      EXPECT_LE(window.begin + (range.end - range.begin), length);
    }
  }
}

}  // namespace
}  // namespace ecgtrain
