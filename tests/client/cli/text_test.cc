#include "client/cli/text.h"

#include <gtest/gtest.h>

namespace ecgtrain {
namespace {

TEST(TextTest, NothingThatATerminalWouldObeyIsLeft) {
  EXPECT_EQ(EscapeControl("a\x1b[31mred\x07\x7f"), "a\\x1b[31mred\\x07\\x7f");
  EXPECT_EQ(EscapeControl("tab\tstays"), "tab\tstays");
  EXPECT_EQ(EscapeControl("two\nlines"), "two\\x0alines");
  EXPECT_EQ(EscapeControl("two\nlines", /*keep_lines=*/true), "two\nlines");
  EXPECT_EQ(EscapeControl("\xc2\x9b"
                          "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(EscapeControl("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x92\x93"),
            "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x92\x93");
}

TEST(TextTest, BytesThatAreNoUtf8AreEscaped) {
  for (const auto& [bytes, escaped] : {std::pair<std::string, std::string>{"\xff", "\\xff"},
                                       {"\xc3", "\\xc3"},
                                       {"\xc0\xaf", "\\xc0\\xaf"},
                                       {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                       {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"}}) {
    EXPECT_EQ(EscapeControl(bytes), escaped);
  }
}

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
