#include "spec/reference.h"

#include <gtest/gtest.h>

#include <string>

namespace ecgtrain {
namespace {

TEST(JobReferenceTest, TakesNumbersNamesAndTheNewest) {
  EXPECT_EQ(ParseJobReference("job/12")->id, 12);
  EXPECT_EQ(ParseJobReference("12")->id, 12);
  EXPECT_EQ(ParseJobReference("9223372036854775807")->id, INT64_MAX);
  EXPECT_EQ(ParseJobReference("12a")->name, "12a");
  EXPECT_EQ(ParseJobReference("tiny.pretrain-1_b")->name, "tiny.pretrain-1_b");
  EXPECT_EQ(ParseJobReference(std::string(128, 'n'))->name.size(), 128u);
  EXPECT_TRUE(ParseJobReference("@last")->newest);
}

TEST(JobReferenceTest, RefusesEverythingElse) {
  for (const std::string text :
       {"", "0", "job/0", "job/", "job/name", "-1", "+1", " 1", "1 ", "@best", "a@best", "a/b", "job/1.2",
        "9223372036854775808", ".hidden", "n\xc3\xa4me", "..", "job/job/1"}) {
    EXPECT_EQ(ParseJobReference(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ParseJobReference(std::string(129, 'n')).ok());
}

TEST(CheckpointReferenceTest, TakesAJobAndASelector) {
  EXPECT_EQ(ParseCheckpointReference("job/12@best")->id, 12);
  EXPECT_EQ(ParseCheckpointReference("job/12@best")->selector, "best");
  EXPECT_EQ(ParseCheckpointReference("name@last")->name, "name");
  EXPECT_EQ(ParseCheckpointReference("name@last")->selector, "last");
  EXPECT_EQ(ParseCheckpointReference("12@step:1200")->step, 1200u);
  EXPECT_EQ(ParseCheckpointReference("12@step:01200")->selector, "step:1200");
  EXPECT_TRUE(ParseCheckpointReference("@last@best")->newest);
}

TEST(CheckpointReferenceTest, RefusesMissingAndUnknownSelectors) {
  for (const std::string text : {"", "job/12", "@best", "@last", "12@", "12@first", "12@step:", "12@step:-1",
                                 "12@step:1e3", "12@best@last", "0@best", "12@step:99999999999999999999"}) {
    const absl::Status status = ParseCheckpointReference(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find("job/12@best"), absl::string_view::npos) << status;
  }
}

TEST(FormatReferenceTest, GivesBackWhatItParsed) {
  for (const std::string text : {"job/12@best", "name@last", "job/7@step:300", "@last@best"}) {
    EXPECT_EQ(FormatReference(*ParseCheckpointReference(text)), text);
  }
  EXPECT_EQ(FormatReference(*ParseJobReference("12")), "job/12");
}

}  // namespace
}  // namespace ecgtrain
