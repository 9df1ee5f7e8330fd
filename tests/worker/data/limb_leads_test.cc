#include "worker/data/limb_leads.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "worker/data/pack.h"

namespace ecgtrain {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Frames whose limb leads agree around offsets of their own.
std::vector<double> Agreeing() {
  std::vector<double> frames(600 * kLeads);
  for (size_t t = 0; t < 600; ++t) {
    double* x = frames.data() + t * kLeads;
    const double angle = 0.1 * static_cast<double>(t);
    const double one = std::sin(angle);
    const double two = 0.7 * std::sin(2.3 * angle) + 0.2 * one;
    x[0] = one + 4;
    x[1] = two - 1;
    x[2] = two - one;
    x[3] = -(one + two) / 2 + 0.5;
    x[4] = one - two / 2;
    x[5] = two - one / 2;
    for (size_t lead = 6; lead < kLeads; ++lead) x[lead] = std::cos(angle * static_cast<double>(lead));
  }
  return frames;
}

void Swap(std::vector<double>& frames, size_t a, size_t b) {
  for (size_t i = 0; i < frames.size(); i += kLeads) std::swap(frames[i + a], frames[i + b]);
}

TEST(LimbLeadsTest, LeadsThatFollowTheEquationsAgreeWhateverTheirOffsets) {
  EXPECT_EQ(CheckLimbLeads(Agreeing()), LimbLeads::kAgree);
}

TEST(LimbLeadsTest, RoundingIsNoContradiction) {
  std::vector<double> frames = Agreeing();
  for (double& value : frames) value = std::round(value * 0.02 * 200) / 200;
  EXPECT_EQ(CheckLimbLeads(frames), LimbLeads::kAgree);
}

TEST(LimbLeadsTest, EverySwapOfTwoLeadsIsFound) {
  for (size_t a = 0; a < 6; ++a) {
    for (size_t b = a + 1; b < 6; ++b) {
      std::vector<double> frames = Agreeing();
      Swap(frames, a, b);
      EXPECT_EQ(CheckLimbLeads(frames), LimbLeads::kSwapped) << a << " and " << b;
    }
  }
}

TEST(LimbLeadsTest, LeadOfItsOwnContradicts) {
  for (size_t lead = 0; lead < 6; ++lead) {
    std::vector<double> frames = Agreeing();
    for (size_t i = lead; i < frames.size(); i += kLeads) frames[i] = std::sin(0.37 * static_cast<double>(i));
    EXPECT_EQ(CheckLimbLeads(frames), LimbLeads::kContradict) << lead;
  }
}

TEST(LimbLeadsTest, PrecordialLeadsDoNotMatter) {
  std::vector<double> frames = Agreeing();
  Swap(frames, 7, 9);
  EXPECT_EQ(CheckLimbLeads(frames), LimbLeads::kAgree);
}

TEST(LimbLeadsTest, AbsentLeadsAreDerivedFromOneAndTwo) {
  std::vector<double> whole = Agreeing();
  for (size_t i = 0; i < whole.size(); i += kLeads) {  // no offsets: these cannot be derived
    whole[i] -= 4;
    whole[i + 1] += 1;
    whole[i + 3] -= 0.5;
  }
  for (const std::vector<size_t>& absent : std::vector<std::vector<size_t>>{{2}, {3, 4}, {5}, {2, 3, 4, 5}}) {
    std::vector<double> frames = whole;
    for (const size_t lead : absent) {
      for (size_t i = lead; i < frames.size(); i += kLeads) frames[i] = kNaN;
    }
    EXPECT_TRUE(DeriveLimbLeads(frames));
    for (size_t i = 0; i < frames.size(); ++i) ASSERT_NEAR(frames[i], whole[i], 1e-12) << i;
  }
}

TEST(LimbLeadsTest, NothingIsDerivedWithoutNeedOrSource) {
  std::vector<double> frames = Agreeing();
  EXPECT_FALSE(DeriveLimbLeads(frames)) << "nothing is absent";
  frames[2] = kNaN;
  EXPECT_FALSE(DeriveLimbLeads(frames)) << "a gap is no absent lead";
  for (size_t i = 0; i < frames.size(); i += kLeads) frames[i] = frames[i + 3] = kNaN;
  EXPECT_FALSE(DeriveLimbLeads(frames)) << "lead I is absent too";
  EXPECT_TRUE(std::isnan(frames[3]));
}

}  // namespace
}  // namespace ecgtrain
