#include "worker/data/quality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "tests/worker/data/test_folder.h"
#include "worker/data/leads.h"
#include "worker/data/pack.h"
#include "worker/data/source_folder.h"
#include "worker/data/wfdb_signal.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kRate = 250;

// Ten seconds of beats that no flaw fits: limb leads agree, no two samples in a row are equal.
std::vector<double> GoodFrames() {
  std::vector<double> frames(static_cast<size_t>(10 * kRate) * kLeads);
  for (size_t t = 0; t < frames.size() / kLeads; ++t) {
    double* x = frames.data() + t * kLeads;
    const double wave = std::sin(0.05 * static_cast<double>(t));
    const double one = 0.2 * wave + (t % 200 == 50 ? 1.2 : 0);
    const double two = 0.3 * wave + (t % 200 == 51 ? 0.9 : 0);
    const double limbs[] = {one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2};
    for (size_t lead = 0; lead < 6; ++lead) x[lead] = limbs[lead];
    for (size_t lead = 6; lead < kLeads; ++lead) x[lead] = two * static_cast<double>(lead) / 4;
  }
  return frames;
}

std::vector<std::string> SourceFlaws(const std::vector<double>& frames) {
  return NamesOf(FindSourceFlaws(frames, kRate));
}

// Sets samples [begin, begin + count) of a lead.
void Set(std::vector<double>& frames, size_t lead, size_t begin, size_t count, double value) {
  for (size_t t = begin; t < begin + count; ++t) frames[t * kLeads + lead] = value;
}

TEST(QualityTest, GoodRecordingHasNoFlaw) { EXPECT_THAT(SourceFlaws(GoodFrames()), IsEmpty()); }

TEST(QualityTest, LeadThatStandsStillForASecondIsFlat) {
  std::vector<double> frames = GoodFrames();
  Set(frames, 8, 300, 249, 0.4);
  EXPECT_THAT(SourceFlaws(frames), IsEmpty());
  Set(frames, 8, 549, 1, 0.4);
  EXPECT_THAT(SourceFlaws(frames), ElementsAre("flat_lead"));
}

TEST(QualityTest, RepeatedPlateausAtTheExtremeAreClipping) {
  std::vector<double> frames = GoodFrames();
  for (double& value : frames) value *= 0.5;
  Set(frames, 7, 250, 5, 3.0);
  EXPECT_THAT(SourceFlaws(frames), IsEmpty()) << "one short plateau may be a broad peak";
  Set(frames, 7, 850, 5, 3.0);
  EXPECT_THAT(SourceFlaws(frames), ElementsAre("clipped"));
  Set(frames, 7, 900, 1, 3.1);
  EXPECT_THAT(SourceFlaws(frames), IsEmpty()) << "not the extreme any more";
  Set(frames, 9, 250, 25, -3.0);
  EXPECT_THAT(SourceFlaws(frames), ElementsAre("clipped")) << "one long plateau, at the bottom";
}

TEST(QualityTest, PlateauNearTheMeanIsTheBaseline) {
  std::vector<double> frames = GoodFrames();
  for (size_t t = 0; t < frames.size() / kLeads; ++t) {
    double& x = frames[t * kLeads + 6];
    x = std::max(x, -0.1);  // half of every wave
  }
  EXPECT_THAT(SourceFlaws(frames), IsEmpty());
}

TEST(QualityTest, SampleAtTheEndOfSixteenBitsIsSaturated) {
  for (const double value : {32.0, -32.768, 100.0}) {
    std::vector<double> frames = GoodFrames();
    frames[1000 * kLeads + 11] = value;
    EXPECT_THAT(SourceFlaws(frames), ElementsAre("saturated"));
  }
  std::vector<double> frames = GoodFrames();
  frames[1000 * kLeads + 11] = 31.99;
  EXPECT_THAT(SourceFlaws(frames), IsEmpty());
}

TEST(QualityTest, LimbLeadsAreHeldAgainstEachOther) {
  std::vector<double> frames = GoodFrames();
  for (size_t i = 0; i < frames.size(); i += kLeads) std::swap(frames[i + 4], frames[i + 5]);
  EXPECT_THAT(SourceFlaws(frames), ElementsAre("limb_leads_swapped"));
  for (size_t i = 0; i < frames.size(); i += kLeads) frames[i] = std::cos(0.21 * static_cast<double>(i));
  EXPECT_THAT(SourceFlaws(frames), ElementsAre("limb_leads_contradict"));
}

TEST(QualityTest, AmplitudeOutsideOfAnEcgIsImplausible) {
  std::vector<double> frames = GoodFrames();
  const AmplitudeCheck good = CheckAmplitude(frames);
  EXPECT_EQ(good.flaws, 0u);
  EXPECT_NEAR(good.peak_to_peak, (0.6 + 0.9) * 11 / 4, 1.0);
  std::vector<double> small = frames;
  for (double& value : small) value *= 0.02;
  EXPECT_THAT(NamesOf(CheckAmplitude(small).flaws), ElementsAre("implausible"));
  frames[7] = 10.2;
  EXPECT_THAT(NamesOf(CheckAmplitude(frames).flaws), ElementsAre("implausible"));
  for (double& value : frames) value += 50;
  frames[7] = 58;
  EXPECT_EQ(CheckAmplitude(frames).flaws, 0u) << "an offset is no amplitude";
}

TEST(QualityTest, GapsAreFilledAlongTheLine) {
  std::vector<double> frames(6 * kLeads, 1.0);
  Set(frames, 2, 0, 6, kNaN);
  Set(frames, 2, 1, 1, 4.0);
  Set(frames, 2, 4, 1, 1.0);
  Set(frames, 5, 0, 6, std::numeric_limits<double>::infinity());
  EXPECT_EQ(FillMissing(frames), 10u);
  std::vector<double> lead, empty;
  for (size_t t = 0; t < 6; ++t) {
    lead.push_back(frames[t * kLeads + 2]);
    empty.push_back(frames[t * kLeads + 5]);
  }
  EXPECT_THAT(lead, ElementsAre(4, 4, 3, 2, 1, 1));
  EXPECT_THAT(empty, ElementsAre(0, 0, 0, 0, 0, 0));
  EXPECT_EQ(FillMissing(frames), 0u);
}

TEST(QualityTest, FlawsAreWrittenAndReadByName) {
  EXPECT_THAT(NamesOf(*ParseFlaws("saturated,missing")), ElementsAre("missing", "saturated"));
  EXPECT_EQ(*ParseFlaws("none"), 0u);
  EXPECT_EQ(*ParseFlaws("all"), 0x7fu) << "derived leads are no flaw";
  const absl::Status status = ParseFlaws("missing,cliped").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"cliped\"; did you mean \"clipped\"?"));
  EXPECT_FALSE(ParseFlaws("").ok());
}

TEST(RealQualityTest, SaturatedRecordIsToldFromItsNeighbours) {
  const std::filesystem::path data = RealDataFolder();
  if (data.empty()) GTEST_SKIP() << "no real recordings: set ECGTRAIN_DATA";
  const auto folder = SourceFolder::Open(data / "mini" / "cpsc2018");
  ASSERT_TRUE(folder.ok()) << folder.status();
  for (const auto& [name, flaws] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"A1387", {}},
           {"A1388", {"saturated", "limb_leads_contradict"}},
           {"A1389", {}},
           {"A1392", {"flat_lead"}}}) {
    const auto record = ReadWfdbRecord(*folder, name);
    ASSERT_TRUE(record.ok()) << record.status();
    const auto leads = FindLeads(record->names, name);
    ASSERT_TRUE(leads.ok()) << leads.status();
    const std::vector<double> frames = SelectLeads(record->millivolts, record->names.size(), *leads);
    EXPECT_EQ(NamesOf(FindSourceFlaws(frames, record->rate)), flaws) << name;
  }
}

}  // namespace
}  // namespace ecgtrain
