#include "spec/dataset_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

constexpr char kDigest[] = "1f3870be274f6c49b3e31a0c6728957f1f3870be274f6c49b3e31a0c6728957f";

TEST(DatasetReferenceTest, TakesANameAndWhatStateOfItIsMeant) {
  for (const std::string text : {"ptbxl", "ptbxl@1.0.3", "ptbxl#1f3870be274f", "ptbxl@1.0.3#1f3870be274f"}) {
    const absl::StatusOr<DatasetReference> reference = ParseDatasetReference(text);
    ASSERT_TRUE(reference.ok()) << reference.status();
    EXPECT_EQ(reference->name, "ptbxl");
    EXPECT_EQ(reference->version, text.find('@') == std::string::npos ? "" : "1.0.3");
    EXPECT_EQ(reference->digest, text.find('#') == std::string::npos ? "" : "1f3870be274f");
    EXPECT_EQ(FormatReference(*reference), text);
    EXPECT_EQ(DatasetName(text), "ptbxl");
  }
  EXPECT_EQ(ParseDatasetReference(std::string("p#") + kDigest)->digest, kDigest);
}

TEST(DatasetReferenceTest, RefusesEverythingElse) {
  for (const std::string text :
       {"", "@1", "#1f3870be274f", "p@", "p#", "p@#1f3870be274f", "p#1f3870be274", "p#1F3870BE274F", "p@1@2",
        "p/q", "p#1f3870be274f@1", ".p", "p@../x", "p #1f3870be274f", "p#1f3870be274g"}) {
    EXPECT_EQ(ParseDatasetReference(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ParseDatasetReference(std::string(64, 'n')).ok());
  EXPECT_FALSE(ParseDatasetReference(std::string("p#") + kDigest + "0").ok());
  EXPECT_THAT(std::string(ParseDatasetReference("p#1f").status().message()), HasSubstr("NAME#DIGEST"));
}

v1::WorkerDataset Held(const std::string& version, const std::string& digest) {
  v1::WorkerDataset held;
  held.set_name("ptbxl");
  held.set_version(version);
  if (!digest.empty()) held.add_packs()->set_source_digest(digest);
  return held;
}

TEST(DatasetReferenceTest, MatchesWhatAWorkerHolds) {
  const auto match = [](const std::string& wanted, const v1::WorkerDataset& held) {
    return Match(*ParseDatasetReference(wanted), held);
  };
  EXPECT_EQ(match("ptbxl", Held("", "")), DatasetMatch::kYes);
  EXPECT_EQ(match("cpsc", Held("", "")), DatasetMatch::kNo);
  EXPECT_EQ(match("ptbxl@1.0.3", Held("1.0.3", "")), DatasetMatch::kYes);
  EXPECT_EQ(match("ptbxl@1.0.3", Held("1.0.1", "")), DatasetMatch::kNo);
  EXPECT_EQ(match("ptbxl@1.0.3", Held("", "")), DatasetMatch::kNo);
  EXPECT_EQ(match("ptbxl#1f3870be274f", Held("", "")), DatasetMatch::kUnknown);
  EXPECT_EQ(match("ptbxl#1f3870be274f", Held("", kDigest)), DatasetMatch::kYes);
  EXPECT_EQ(match("ptbxl#1f3870be2750", Held("", kDigest)), DatasetMatch::kNo);
  EXPECT_EQ(StateOf(Held("1.0.3", kDigest)), "ptbxl@1.0.3#1f3870be274f");
  EXPECT_EQ(StateOf(Held("", "")), "ptbxl");
}

}  // namespace
}  // namespace ecgtrain
