#include "client/cli/text.h"

#include <gtest/gtest.h>

namespace ecgtrain {
namespace {

TEST(TextTest, WidthCountsCharactersNotBytes) {
  EXPECT_EQ(DisplayWidth("na\xc3\xafve"), 5u);
  EXPECT_EQ(CutToWidth("na\xc3\xafve", 3), "na\xc3\xaf");
  EXPECT_EQ(CutToWidth("ab", 3), "ab");
}

TEST(TextTest, TimesAreRelativeForPeopleAndRfc3339ForPrograms) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const google::protobuf::Timestamp earlier = ToTimestamp(now - absl::Seconds(200));
  EXPECT_EQ(Ago(earlier, now), "3m20s ago");
  EXPECT_EQ(Ago({}, now), "");
  EXPECT_EQ(Rfc3339(ToTimestamp(now + absl::Milliseconds(250))), "2027-01-15T08:00:00.25Z");
  EXPECT_EQ(Rfc3339({}), "");
}

}  // namespace
}  // namespace ecgtrain
