#include "common/quoted.h"

#include <gtest/gtest.h>

#include <utility>

namespace ecgtrain {
namespace {

TEST(QuotedTest, NothingThatATerminalWouldObeyIsLeft) {
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

TEST(QuotedTest, BytesThatAreNoUtf8AreEscaped) {
  for (const auto& [bytes, escaped] : {std::pair<std::string, std::string>{"\xff", "\\xff"},
                                       {"\xc3", "\\xc3"},
                                       {"\xc0\xaf", "\\xc0\\xaf"},
                                       {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                       {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"}}) {
    EXPECT_EQ(EscapeControl(bytes), escaped);
  }
}

TEST(QuotedTest, WhatXmlRefusesIsEscaped) {
  EXPECT_EQ(EscapeControl("\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf"),
            "\xef\xbf\xbd\\xef\\xbf\\xbe\\xef\\xbf\\xbf");
}

TEST(QuotedTest, TextIsQuotedAndWhatCannotBeSeenIsEscaped) {
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("na\xc3\xafve"), "\"na\xc3\xafve\"");
  EXPECT_EQ(Quoted("1\t2\n\xff\x1b["), "\"1\\x092\\x0a\\xff\\x1b[\"");
  EXPECT_EQ(Quoted("a\"b\\c"), "\"a\\\"b\\\\c\"") << "where it ends must be certain";
  EXPECT_EQ(Shown("a\"b\\c\td"), "a\"b\\c\\x09d");
}

TEST(QuotedTest, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(Quoted(std::string(80, 'x')), "\"" + std::string(80, 'x') + "\"");
  EXPECT_EQ(Quoted(std::string(81, 'x')), "\"" + std::string(80, 'x') + "...\"");
  EXPECT_EQ(Shown("abc", 2), "ab...");
  EXPECT_EQ(Shown("a\xf0\x9f\x92\x93", 4), "a...") << "four bytes of one character";
  EXPECT_EQ(Shown("a\xf0\x9f\x92\x93", 5), "a\xf0\x9f\x92\x93");
  EXPECT_LE(Quoted(std::string(1 << 20, '\xff')).size(), 4 * 80 + 5u);
  EXPECT_LE(Quoted(std::string(1 << 20, '\x80')).size(), 4 * 80 + 5u) << "no character begins anywhere";
}

}  // namespace
}  // namespace ecgtrain
