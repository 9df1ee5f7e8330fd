#include "worker/data/strip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "worker/data/pack.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

// Ten seconds of beats of lead-dependent height; V1 has a gap, V6 an offset.
Strip MakeStrip(double seconds = 10) {
  Strip strip{"A test & <title>", 50, {}};
  for (int t = 0; t < static_cast<int>(seconds * 50); ++t) {
    for (int lead = 0; lead < kLeads; ++lead) {
      const double beat = t % 40 == 10 ? 1.0 : t % 40 == 11 ? -0.3 : t % 40 > 18 && t % 40 < 26 ? 0.2 : 0;
      strip.millivolts.push_back(beat * (lead % 4 == 3 ? -0.8 : 0.5 + 0.1 * lead) + (lead == 11 ? 7 : 0));
    }
    if (t >= 280 && t < 300) strip.millivolts[t * kLeads + 6] = std::numeric_limits<double>::quiet_NaN();
  }
  return strip;
}

// tests/worker/data/reference/NAME; written anew where ECGTRAIN_UPDATE_GOLDEN is set.
void ExpectGolden(const std::string& name, const std::string& actual) {
  const std::string path =
      absl::StrCat(std::getenv("ECGTRAIN_SOURCE_DIR"), "/tests/worker/data/reference/", name);
  if (std::getenv("ECGTRAIN_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(WriteFileDurably(path, actual).ok());
  }
  const auto expected = ReadFile(path);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(actual == *expected) << path
                                   << " differs; look at what is drawn, then set ECGTRAIN_UPDATE_GOLDEN";
}

TEST(StripTest, SvgIsAsDrawnBefore) { ExpectGolden("strip.svg", DrawSvg(MakeStrip())); }

TEST(StripTest, TextIsAsDrawnBefore) { ExpectGolden("strip.txt", DrawText(MakeStrip(), 100)); }

TEST(StripTest, SvgIsTrueToScale) {
  Strip strip{"x", 100, std::vector<double>(1000 * kLeads, 0.0)};
  strip.millivolts[100 * kLeads] = 1;  // lead I at 1 s
  const std::string svg = DrawSvg(strip);
  EXPECT_THAT(svg, HasSubstr("width=\"270mm\""));
  // The trace of lead I begins at x = 15 mm; a second is 25 mm, a millivolt 10 mm.
  EXPECT_THAT(svg, HasSubstr("M15.00 27.50"));
  EXPECT_THAT(svg, HasSubstr("L39.75 27.50L40.00 17.50L40.25 27.50"));
}

// A monitor's or a hostile header's rate: more samples than a page has dots.
TEST(StripTest, HighRatesAreThinnedToWhatAPageShows) {
  Strip strip{"x", 100'000, std::vector<double>(1'000'000 * kLeads, 0.0)};
  strip.millivolts[99'990 * kLeads] = 1;  // lead I at 0.9999 s, a single sample
  strip.millivolts[100'010 * kLeads] = -1;
  const std::string svg = DrawSvg(strip);
  EXPECT_LT(svg.size(), 2u << 20);
  EXPECT_THAT(svg, HasSubstr("L40.00 17.50"));
  EXPECT_THAT(svg, HasSubstr("L40.00 37.50"));
}

TEST(StripTest, TitleCannotBreakTheSvg) {
  EXPECT_THAT(DrawSvg(MakeStrip()), HasSubstr("A test &amp; &lt;title&gt;"));
}

TEST(StripTest, EveryLeadIsShownAndTheSecondTwice) {
  std::array<int, kLeads> shown = {};
  for (const StripPanel& panel : StripPanels()) {
    ++shown[panel.lead];
    EXPECT_LE(panel.end, kStripSeconds);
  }
  for (int lead = 0; lead < kLeads; ++lead) EXPECT_EQ(shown[lead], lead == 1 ? 2 : 1);
}

TEST(StripTest, ShortOrWildRecordingIsDrawnAsFarAsItGoes) {
  for (const double seconds : {0.0, 0.02, 3.0}) {
    EXPECT_THAT(DrawSvg(MakeStrip(seconds)), HasSubstr("</svg>"));
    EXPECT_THAT(DrawText(MakeStrip(seconds), 40), HasSubstr("V6"));
  }
  Strip wild = MakeStrip();
  for (size_t i = 0; i < wild.millivolts.size(); ++i)
    wild.millivolts[i] = i % 2 == 0 ? 1e300 : std::numeric_limits<double>::infinity();
  const std::vector<std::string> lines = absl::StrSplit(DrawText(wild, 80), '\n');
  for (const std::string& line : lines) EXPECT_LE(line.size(), 80u * 3);
}

}  // namespace
}  // namespace ecgtrain
