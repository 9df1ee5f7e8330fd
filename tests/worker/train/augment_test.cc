#include "worker/train/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace ecgtrain {
namespace {

constexpr uint32_t kRate = 100;

// [frames, leads] of one value in the pack's units, augmented; millivolts.
std::vector<float> Augment(const Augmentation& augmentation, size_t record, size_t frames, int16_t value) {
  PackInfo info;
  info.rate = kRate;
  info.millivolts_per_unit = 0.001f;
  const std::vector<int16_t> stretch(frames * kLeads, value);
  std::vector<float> millivolts(stretch.size(), -100);
  WriteAugmented(augmentation, record, info, stretch, millivolts.data());
  return millivolts;
}

std::vector<double> Lead(const std::vector<float>& frames, size_t lead) {
  std::vector<double> values;
  for (size_t k = lead; k < frames.size(); k += kLeads) values.push_back(frames[k]);
  return values;
}

double Deviation(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

// Which leads are zeros, of a record that has none.
std::vector<bool> Dropped(const Augmentation& augmentation, size_t record) {
  const std::vector<float> values = Augment(augmentation, record, 100, 1000);
  std::vector<bool> dropped;
  for (size_t lead = 0; lead < kLeads; ++lead) {
    const std::vector<double> line = Lead(values, lead);
    dropped.push_back(line[0] == 0);
    EXPECT_EQ(std::count(line.begin(), line.end(), 0.0), line[0] == 0 ? 100 : 0);
  }
  return dropped;
}

TEST(Augment, ChangesNoValueUnlessAskedTo) {
  EXPECT_FALSE(Augmentation().ChangesValues());
  EXPECT_FALSE((Augmentation{{.crop = true}, 1, 0}).ChangesValues());
  EXPECT_TRUE((Augmentation{{.gain = 0.1}, 1, 0}).ChangesValues());
  EXPECT_TRUE((Augmentation{{.noise = 0.1}, 1, 0}).ChangesValues());
  EXPECT_TRUE((Augmentation{{.wander = 0.1}, 1, 0}).ChangesValues());
  EXPECT_TRUE((Augmentation{{.lead_drop = 0.1}, 1, 0}).ChangesValues());
}

TEST(Augment, PlacesAreAllAlike) {
  std::vector<int> counts(4, 0);
  for (size_t record = 0; record < 4000; ++record) ++counts.at(DrawPlace({{.crop = true}, 1, 0}, record, 3));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 4 * std::sqrt(750));
  EXPECT_EQ(DrawPlace({{.crop = true}, 1, 0}, 5, 0), 0u);
}

TEST(Augment, GainIsOneFactorARecordWithinItsBounds) {
  double sum = 0;
  std::set<float> factors;
  for (size_t record = 0; record < 2000; ++record) {
    const std::vector<float> values = Augment({{.gain = 0.3}, 1, 0}, record, 70, 1000);
    ASSERT_EQ(std::count(values.begin(), values.end(), values[0]), 70 * static_cast<int>(kLeads));
    factors.insert(values[0]);
    sum += values[0];
  }
  EXPECT_GE(*factors.begin(), 0.7f);
  EXPECT_LT(*factors.begin(), 0.705f);
  EXPECT_LE(*factors.rbegin(), 1.3f);
  EXPECT_GT(*factors.rbegin(), 1.295f);
  EXPECT_NEAR(sum / 2000, 1, 4 * 0.3 / std::sqrt(3 * 2000));
}

TEST(Augment, NoiseHasItsDeviationWhateverTheGain) {
  for (const double gain : {0.0, 0.9}) {
    const Augmentation augmentation{{.gain = gain, .noise = 0.05}, 1, 0};
    // 4,096 frames are 64 blocks; 4,097 begin another.
    const std::vector<float> values = Augment(augmentation, 3, 4097, 0);
    EXPECT_NEAR(Deviation(values), 0.05, 0.05 * 4 / std::sqrt(2.0 * static_cast<double>(values.size())));
    EXPECT_EQ(std::set<float>(values.end() - kLeads, values.end()).size(), kLeads);
  }
  const std::vector<float> on_signal = Augment({{.noise = 0.05}, 1, 0}, 3, 4097, 1000);
  const std::vector<float> alone = Augment({{.noise = 0.05}, 1, 0}, 3, 4097, 0);
  for (size_t k = 0; k < alone.size(); ++k) ASSERT_NEAR(on_signal[k] - 1, alone[k], 1e-6);
}

// x[t + d] + x[t - d] = 2 cos(w d) x[t] holds for a sine of w radians a sample, and for nothing else that
// wanders so.
TEST(Augment, WanderIsOneSlowSineALead) {
  constexpr size_t kLag = kRate / 2;
  std::set<int> rounded_millihertz;
  double largest_sum = 0;
  for (size_t record = 0; record < 20; ++record) {
    const std::vector<float> values = Augment({{.wander = 0.4}, 1, 0}, record, 40 * kRate, 0);
    for (size_t lead = 0; lead < kLeads; ++lead) {
      const std::vector<double> x = Lead(values, lead);
      const double largest = std::abs(*std::max_element(
          x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
      EXPECT_LE(largest, 0.4 * (1 + 1e-5));
      largest_sum += largest;
      double products = 0;
      double squares = 0;
      for (size_t t = kLag; t + kLag < x.size(); ++t) {
        products += (x[t + kLag] + x[t - kLag]) * x[t];
        squares += x[t] * x[t];
      }
      const double twice_cosine = products / squares;
      for (size_t t = kLag; t + kLag < x.size(); ++t)
        ASSERT_NEAR(x[t + kLag] + x[t - kLag], twice_cosine * x[t], 1e-5) << t;
      const double hertz = std::acos(twice_cosine / 2) * kRate / (2 * std::numbers::pi * kLag);
      EXPECT_GT(hertz, 0.049);
      EXPECT_LT(hertz, 0.501);
      rounded_millihertz.insert(static_cast<int>(std::lround(hertz * 1000)));
    }
  }
  // 240 amplitudes, even between 0 and 0.4, and 240 frequencies, even over 450 steps.
  EXPECT_NEAR(largest_sum / 240, 0.2, 4 * 0.4 / std::sqrt(12 * 240.0));
  EXPECT_GT(rounded_millihertz.size(), 140u);
  EXPECT_LT(*rounded_millihertz.begin(), 70);
  EXPECT_GT(*rounded_millihertz.rbegin(), 480);
}

TEST(Augment, LeadsAreDroppedWithTheirChanceAndTheOthersStayAsTheyAre) {
  const Augmentation augmentation{{.lead_drop = 0.25}, 1, 0};
  int count = 0;
  for (size_t record = 0; record < 1000; ++record) {
    const std::vector<float> values = Augment(augmentation, record, 65, 1000);
    count += static_cast<int>(std::count(values.begin(), values.begin() + kLeads, 0.0f));
    for (const float value : values) ASSERT_TRUE(value == 0 || value == 1) << value;
  }
  EXPECT_NEAR(count / 12000.0, 0.25, 4 * std::sqrt(0.25 * 0.75 / 12000));
}

TEST(Augment, OneLeadAlwaysStaysAndEachAsOften) {
  std::vector<int> alone(kLeads, 0);
  for (size_t record = 0; record < 1000; ++record) {
    const std::vector<bool> dropped = Dropped({{.lead_drop = 0.9}, 1, 0}, record);
    const auto stays = std::find(dropped.begin(), dropped.end(), false);
    ASSERT_NE(stays, dropped.end()) << record;
    if (std::count(dropped.begin(), dropped.end(), false) == 1) ++alone[stays - dropped.begin()];
  }
  const double expected = 1000 * (std::pow(0.9, 12) + 12 * 0.1 * std::pow(0.9, 11)) / kLeads;
  for (const int count : alone) EXPECT_NEAR(count, expected, 4 * std::sqrt(expected));
}

TEST(Augment, ADroppedLeadHasNeitherNoiseNorWander) {
  const AugmentSettings all{.gain = 0.3, .noise = 0.05, .wander = 0.2, .lead_drop = 0.5};
  for (size_t record = 0; record < 20; ++record) {
    // The same leads as without the other effects: each has draws of its own.
    EXPECT_EQ(Dropped({all, 1, 0}, record), Dropped({{.lead_drop = 0.5}, 1, 0}, record));
  }
}

TEST(Augment, IsAFunctionOfSeedEpochAndRecord) {
  const AugmentSettings each[] = {{.gain = 0.3}, {.noise = 0.05}, {.wander = 0.2}, {.lead_drop = 0.5}};
  for (const AugmentSettings& settings : each) {
    const std::vector<float> values = Augment({settings, 1, 4}, 3, 100, 1000);
    EXPECT_EQ(Augment({settings, 1, 4}, 3, 100, 1000), values);
    EXPECT_NE(Augment({settings, 2, 4}, 3, 100, 1000), values);
    EXPECT_NE(Augment({settings, 1, 5}, 3, 100, 1000), values);
    EXPECT_NE(Augment({settings, 1, 4}, 4, 100, 1000), values);
  }
}

}  // namespace
}  // namespace ecgtrain
