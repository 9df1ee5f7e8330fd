#include "worker/data/python_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(PythonDictTest, ReadsKeysAndNumbersInOrder) {
  EXPECT_THAT(*ParsePythonDict("{'NORM': 100.0, 'SR': 0.0}"),
              ElementsAre(Pair("NORM", 100.0), Pair("SR", 0.0)));
  EXPECT_THAT(*ParsePythonDict(" { 'A':1,'B' :-2.5e-1, } "), ElementsAre(Pair("A", 1.0), Pair("B", -0.25)));
  EXPECT_THAT(*ParsePythonDict("{}"), IsEmpty());
}

TEST(PythonDictTest, QuotesOfBothKindsAndEscapesAreRead) {
  EXPECT_THAT(*ParsePythonDict(R"({"it's": 1, 'say \'so\'': 2, 'a,b:}': 3})"),
              ElementsAre(Pair("it's", 1.0), Pair("say 'so'", 2.0), Pair("a,b:}", 3.0)));
}

TEST(PythonDictTest, MalformedLiteralsAreRefused) {
  for (const char* text : {"", "{", "}", "{'A'}", "{'A' 1}", "{'A': }", "{'A': x}", "{'A': nan}",
                           "{'A': inf}", "{'A': 1 'B': 2}", "{'A': 1}}", "{'A': 1} x", "{'A: 1}", "{A: 1}",
                           "{'A\\", "{,}", "{'A': 1,,}", "{'A': 'b'}", "['A']"}) {
    const absl::Status status = ParsePythonDict(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("expected")) << text;
  }
}

TEST(PythonDictTest, DoubledKeyIsRefused) {
  EXPECT_THAT(std::string(ParsePythonDict("{'A': 1, 'A': 2}").status().message()),
              HasSubstr("each key once"));
}

// Comparing each key with all before it would not come back: 10^11 comparisons.
TEST(PythonDictTest, DoubledKeyIsFoundAmongManyInOnePass) {
  constexpr int kKeys = 500'000;
  std::string text = "{";
  for (int key = 0; key < kKeys; ++key) absl::StrAppend(&text, "'key ", key, "': ", key, ", ");
  const auto entries = ParsePythonDict(text + "}");
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), static_cast<size_t>(kKeys));
  EXPECT_THAT(entries->back(), Pair("key 499999", 499'999.0)) << "in their order";
  EXPECT_THAT(std::string(ParsePythonDict(text + "'key 0': 1}").status().message()),
              HasSubstr("each key once, not \"key 0\" again"));
}

TEST(PythonDictTest, ErrorNamesThePosition) {
  EXPECT_THAT(std::string(ParsePythonDict("{'A': 1; 'B': 2}").status().message()), HasSubstr("character 7"));
}

}  // namespace
}  // namespace ecgtrain
