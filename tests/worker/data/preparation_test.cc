#include "worker/data/preparation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/status/statusor.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Limb leads that agree, and six others.
Recording MakeRecording(size_t length, double rate = 100) {
  Recording recording;
  recording.id = "7";
  recording.rate = rate;
  for (size_t t = 0; t < length; ++t) {
    const double one = std::sin(0.7 * static_cast<double>(t)) / 10;
    const double two = 3 * one;
    for (const double limb : {one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2})
      recording.millivolts.push_back(0.5 + limb);
    for (int lead = 6; lead < kLeads; ++lead) recording.millivolts.push_back(0.5 + one * (lead + 1));
  }
  return recording;
}

absl::StatusOr<PreparedRecording> Prepare(Recording recording, const PreparationOptions& options) {
  PreparedRecording prepared;
  const absl::Status status = Preparer(options).Prepare(recording, prepared);
  if (!status.ok()) return status;
  return prepared;
}

std::string SkipReasonOf(const Recording& recording) {
  const auto prepared = Prepare(recording, {.rate = 100});
  EXPECT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->samples.empty(), !prepared->skip_reason.empty());
  return prepared->skip_reason;
}

TEST(PreparationTest, GoodRecordIsResampledFilteredAndRounded) {
  const auto prepared = Prepare(MakeRecording(500), {.rate = 400});
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->skip_reason, "");
  EXPECT_EQ(prepared->flaws, 0u);
  ASSERT_EQ(prepared->samples.size(), 2000u * kLeads);
  double sum = 0;
  for (size_t t = 0; t < 2000; ++t) sum += prepared->samples[t * kLeads];
  EXPECT_NEAR(sum / 2000, 0, 20) << "the offset of 500 uV is gone";
}

TEST(PreparationTest, WithoutHighPassTheOffsetStays) {
  const auto prepared = Prepare(MakeRecording(500), {.rate = 100, .highpass = false});
  ASSERT_TRUE(prepared.ok());
  EXPECT_EQ(prepared->samples[0], 500);
  EXPECT_NEAR(prepared->amplitude, 2.4, 0.001) << "V6 swings by 1.2 mV both ways";
  EXPECT_EQ(prepared->samples[kLeads], std::lround(500 + 100 * std::sin(0.7)));
}

TEST(PreparationTest, BuffersOfOneRecordLeaveNothingInTheNext) {
  Preparer preparer(PreparationOptions{.rate = 400});
  PreparedRecording prepared;
  for (const auto& [length, rate] :
       {std::pair(900, 100.0), std::pair(500, 500.0), std::pair(20, 100.0), std::pair(500, 100.0)}) {
    Recording recording = MakeRecording(length, rate);
    const auto alone = Prepare(recording, {.rate = 400});
    ASSERT_TRUE(preparer.Prepare(recording, prepared).ok());
    EXPECT_EQ(prepared.samples, alone->samples);
    EXPECT_EQ(prepared.skip_reason, alone->skip_reason);
  }
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
  for (const double bad : {kNaN, std::numeric_limits<double>::infinity()}) {
    Recording recording = MakeRecording(500);
    recording.millivolts[777] = bad;
    EXPECT_EQ(SkipReasonOf(recording), "missing");
  }
}

TEST(PreparationTest, WithoutQuarantineMissingSamplesAreInterpolatedAndFlagged) {
  Recording whole = MakeRecording(500);
  Recording gap = whole;
  gap.millivolts[100 * kLeads + 8] = kNaN;
  whole.millivolts[100 * kLeads + 8] =
      (whole.millivolts[99 * kLeads + 8] + whole.millivolts[101 * kLeads + 8]) / 2;
  const auto expected = Prepare(whole, {.rate = 100}), actual = Prepare(gap, {.rate = 100, .quarantine = 0});
  ASSERT_TRUE(expected.ok() && actual.ok());
  EXPECT_EQ(actual->samples, expected->samples);
  EXPECT_THAT(NamesOf(actual->flaws), ElementsAre("missing"));
}

TEST(PreparationTest, AbsentLimbLeadsAreDerivedUnlessSwitchedOff) {
  Recording whole = MakeRecording(500);
  for (double& value : whole.millivolts) value -= 0.5;  // an offset cannot be derived
  Recording eight = whole;
  for (size_t t = 0; t < 500; ++t) {
    for (const size_t lead : {2, 3, 4, 5}) eight.millivolts[t * kLeads + lead] = kNaN;
  }
  const auto expected = Prepare(whole, {.rate = 100}), derived = Prepare(eight, {.rate = 100});
  ASSERT_TRUE(expected.ok() && derived.ok());
  EXPECT_EQ(derived->samples, expected->samples);
  EXPECT_THAT(NamesOf(derived->flaws), ElementsAre("limb_leads_derived"));
  const auto left_out = Prepare(eight, {.rate = 100, .derive_leads = false});
  EXPECT_EQ(left_out->skip_reason, "missing");
}

TEST(PreparationTest, FlawIsFlaggedOrQuarantinedAsTheSettingSays) {
  Recording recording = MakeRecording(500);
  recording.millivolts[24] = 32.5;
  const auto flagged = Prepare(recording, {.rate = 100});
  EXPECT_EQ(flagged->skip_reason, "");
  EXPECT_THAT(NamesOf(flagged->flaws), ::testing::Contains("saturated"));
  EXPECT_FALSE(flagged->samples.empty());
  const auto left_out = Prepare(recording, {.rate = 100, .quarantine = *ParseFlaws("missing,saturated")});
  EXPECT_EQ(left_out->skip_reason, "saturated");
  EXPECT_THAT(left_out->samples, IsEmpty());
}

TEST(PreparationTest, RecordThatOverflowsInTheFilterIsLeftOut) {
  Recording recording = MakeRecording(500);
  for (double& value : recording.millivolts) value *= 1e308;
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

TEST(PreparationTest, HalvesAreRoundedToTheEvenUnit) {
  Recording recording = MakeRecording(500);
  recording.millivolts[36] = 0.0005;
  recording.millivolts[37] = 0.0015;
  recording.millivolts[38] = -0.0025;
  const auto prepared = Prepare(recording, {.rate = 100, .highpass = false});
  EXPECT_EQ(prepared->samples[36], 0);
  EXPECT_EQ(prepared->samples[37], 2);
  EXPECT_EQ(prepared->samples[38], -2);
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
