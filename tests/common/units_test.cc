#include "common/units.h"

#include <gtest/gtest.h>

namespace ecgtrain {
namespace {

TEST(ParseDuration, ReadsUnitsInFallingOrder) {
  EXPECT_EQ(*ParseDuration("90s"), absl::Seconds(90));
  EXPECT_EQ(*ParseDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("2d"), absl::Hours(48));
  EXPECT_EQ(*ParseDuration("1.5m"), absl::Seconds(90));
}

TEST(ParseDuration, RefusesWhatAPersonWouldNotMean) {
  for (const char* text : {"", "10", "m", "-5s", "5s1h", "10 m", "1h1h", "inf", "5000d"}) {
    EXPECT_EQ(ParseDuration(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(HumanDuration, PicksTheTwoLargestUnits) {
  EXPECT_EQ(HumanDuration(absl::Milliseconds(420)), "0.4s");
  EXPECT_EQ(HumanDuration(absl::Seconds(200)), "3m20s");
  EXPECT_EQ(HumanDuration(absl::Hours(5) + absl::Minutes(2)), "5h02m");
  EXPECT_EQ(HumanDuration(absl::Hours(76)), "3d04h");
}

TEST(ParseBytes, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(*ParseBytes("24GiB"), uint64_t{24} << 30);
  EXPECT_EQ(*ParseBytes("1.5 kB"), 1500u);
  EXPECT_FALSE(ParseBytes("24").ok());
  EXPECT_FALSE(ParseBytes("GiB").ok());
}

TEST(HumanBytes, KeepsOneDecimal) {
  EXPECT_EQ(HumanBytes(812), "812 B");
  EXPECT_EQ(HumanBytes(uint64_t{713} << 17), "89.1 MiB");
}

}  // namespace
}  // namespace ecgtrain
