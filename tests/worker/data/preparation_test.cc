#include "worker/data/preparation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ecgtrain {
namespace {

Recording MakeRecording(size_t length, double rate = 100) {
  Recording recording;
  recording.id = "7";
  recording.rate = rate;
  for (size_t i = 0; i < length * kLeads; ++i) {
    recording.millivolts.push_back(0.5 + std::sin(0.7 * static_cast<double>(i / kLeads)) *
                                             static_cast<double>(i % kLeads + 1) / 10);
  }
  return recording;
}

std::string SkipReasonOf(const Recording& recording) {
  const auto prepared = Prepare(recording, {.rate = 100});
  EXPECT_TRUE(prepared.ok()) << prepared.status();
  if (!prepared->skip_reason.empty()) {
    EXPECT_TRUE(prepared->samples.empty());
  }
  return prepared->skip_reason;
}

TEST(PreparationTest, GoodRecordIsResampledFilteredAndRounded) {
  const auto prepared = Prepare(MakeRecording(500), {.rate = 400});
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->skip_reason, "");
  ASSERT_EQ(prepared->samples.size(), 2000u * kLeads);
  double sum = 0;
  for (size_t t = 0; t < 2000; ++t) sum += prepared->samples[t * kLeads];
  EXPECT_NEAR(sum / 2000, 0, 20) << "the offset of 500 uV is gone";
}

TEST(PreparationTest, WithoutHighPassTheOffsetStays) {
  const auto prepared = Prepare(MakeRecording(500), {.rate = 100, .highpass = false});
  ASSERT_TRUE(prepared.ok());
  EXPECT_EQ(prepared->samples[0], 500);
  EXPECT_EQ(prepared->samples[kLeads], std::lround(500 + 100 * std::sin(0.7)));
}

TEST(PreparationTest, ShortRecordIsLeftOut) {
  EXPECT_EQ(SkipReasonOf(MakeRecording(99)), "too_short");
  EXPECT_EQ(SkipReasonOf(MakeRecording(0)), "too_short");
  EXPECT_EQ(SkipReasonOf(MakeRecording(100)), "");
}

TEST(PreparationTest, RecordOverAnHourIsLeftOut) {
  EXPECT_EQ(SkipReasonOf(MakeRecording(3601, 1)), "too_long");
  EXPECT_EQ(SkipReasonOf(MakeRecording(3600, 1)), "");
}

TEST(PreparationTest, RecordWithMissingSamplesIsLeftOut) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Recording recording = MakeRecording(500);
    recording.millivolts[777] = bad;
    EXPECT_EQ(SkipReasonOf(recording), "not_finite");
  }
}

TEST(PreparationTest, RecordThatOverflowsInTheFilterIsLeftOut) {
  Recording recording = MakeRecording(500);
  for (double& value : recording.millivolts) value *= 1.7e308;
  EXPECT_EQ(SkipReasonOf(recording), "not_finite");
}

TEST(PreparationTest, RecordFlatInEveryLeadIsLeftOut) {
  Recording recording = MakeRecording(500);
  for (size_t i = 0; i < recording.millivolts.size(); ++i)
    recording.millivolts[i] = static_cast<double>(i % kLeads);
  EXPECT_EQ(SkipReasonOf(recording), "flat");
  recording.millivolts[600] += 1;
  EXPECT_EQ(SkipReasonOf(recording), "") << "one lead that is alive is enough";
}

TEST(PreparationTest, ClippedSamplesAreCounted) {
  Recording recording = MakeRecording(500);
  recording.millivolts[24] = 40;
  recording.millivolts[25] = -1e300;
  recording.millivolts[26] = 32.767;
  const auto prepared = Prepare(recording, {.rate = 100, .highpass = false});
  ASSERT_TRUE(prepared.ok());
  EXPECT_EQ(prepared->clipped_samples, 2u);
  EXPECT_EQ(prepared->samples[24], 32767);
  EXPECT_EQ(prepared->samples[25], -32767);
  EXPECT_EQ(prepared->samples[26], 32767);
}

TEST(PreparationTest, OddRatesAreErrors) {
  for (const double rate : {99.5, 0.0, -100.0, 10'001.0, 1e9}) {
    const absl::Status status = Prepare(MakeRecording(500, rate), {.rate = 100}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << rate;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("record 7, sampling rate")) << rate;
  }
  EXPECT_TRUE(Prepare(MakeRecording(600, 257), {.rate = 100}).ok());
}

}  // namespace
}  // namespace ecgtrain
