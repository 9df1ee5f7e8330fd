#include "common/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

std::string Problem(const std::string& text, int depth = 32) {
  const auto parsed = ParseJson(text, "spec.json", depth);
  return parsed.ok() ? "" : std::string(parsed.status().message());
}

TEST(ParseJson, ReadsAnObject) { EXPECT_EQ((*ParseJson(R"({"a": [1, 2]})", "x"))["a"][1], 2); }

TEST(ParseJson, NamesTheSourceAndTheByte) {
  EXPECT_THAT(Problem("{\"a\": }"), HasSubstr("spec.json: not valid JSON at byte"));
}

TEST(ParseJson, RefusesADoubledKeyAtAnyDepth) {
  EXPECT_THAT(Problem(R"({"a": 1, "a": 2})"), HasSubstr("\"a\" stands twice"));
  EXPECT_THAT(Problem(R"({"o": {"b": 1, "b": 2}})"), HasSubstr("\"b\" stands twice"));
  EXPECT_EQ(Problem(R"({"o": {"b": 1}, "b": 2})"), "");
}

TEST(ParseJson, RefusesDeepNestingAndBrokenUtf8) {
  EXPECT_THAT(Problem(std::string(40, '[') + std::string(40, ']')), HasSubstr("nesting over 32"));
  EXPECT_NE(Problem("\"\xff\""), "");
}

TEST(DumpJson, InvalidUtf8IsReplaced) { EXPECT_EQ(DumpJson(std::string("a\xff")), "\"a\xef\xbf\xbd\""); }

}  // namespace
}  // namespace ecgtrain
