#include "spec/spec_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "spec/resolve.h"
#include "spec/spec_parser.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SpecReferenceTest, HoldsRulesAndComments) {
  const std::string page = SpecReference();
  EXPECT_THAT(page, HasSubstr("| `learning_rate` | number | `0.001` | 1e-08 to 10 |"));
  EXPECT_THAT(page, HasSubstr("Same cells in all leads, or drawn for each lead."));
  EXPECT_THAT(page, HasSubstr("## `pretrain.folds`, `finetune.folds`, `evaluate.folds`"));
}

TEST(SpecReferenceTest, EveryFieldAndSectionSaysWhatItIs) {
  const std::string page = SpecReference();
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    if (!absl::StartsWith(line, "| `")) continue;
    EXPECT_FALSE(absl::EndsWith(line, "|  |")) << line;
  }
  // A section's name, an empty line and its table: nothing in between.
  EXPECT_THAT(page.substr(page.find("## `pretrain`")), Not(HasSubstr("`\n\n| field")));
}

TEST(SpecReferenceTest, ExampleResolves) {
  const std::string page = SpecReference();
  const size_t begin = page.find("```yaml\n") + 8;
  absl::StatusOr<v1::JobSpec> spec =
      ParseSpec(page.substr(begin, page.find("```", begin) - begin), "example");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(ResolveSpec(*spec).size(), 0u);
  EXPECT_EQ(spec->finetune().from(), "job/12@best");
}

TEST(SpecReferenceTest, CommittedPageIsCurrent) {
  const char* source = std::getenv("ECGTRAIN_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "run by ctest";
  const absl::StatusOr<std::string> page =
      ReadFile(std::filesystem::path(source) / "docs/job-specification.md");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(*page, SpecReference()) << "run: ecg-spec-reference > docs/job-specification.md";
}

}  // namespace
}  // namespace ecgtrain
