// Nobody is scored on patients that the weights have seen before, unless that is asked for and said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/train/attempt_fixture.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using Folds = std::vector<uint32_t>;

class LeakageTest : public AttemptFixture {
 protected:
  static Json Split(const Folds& train, const Folds& validation, const Folds& test) {
    return {{"train", train}, {"validation", validation}, {"test", test}};
  }
  // Its newest checkpoint is the child's parent.
  void MakeParent(const std::string& parent, const std::string& child) {
    std::filesystem::create_directories(Folder(child) / "inputs");
    std::filesystem::copy(NewestCheckpoint(parent), Folder(child) / "inputs/parent");
  }
  Json Child(const std::string& kind, const Json& folds) {
    Json spec = Spec(kind);
    spec["inputs"]["parent"] = "inputs/parent";
    spec["spec"][kind]["folds"] = folds;
    if (kind == "evaluate") spec["spec"]["schedule"] = {{"batch_size", 16}};
    return spec;
  }
  // Patients by split, of artifacts/splits.csv.
  std::map<std::string, std::set<std::string>> Splits(const std::string& name) {
    std::map<std::string, std::set<std::string>> patients;
    const std::string content = *ReadFile(Folder(name) / "artifacts/splits.csv");
    const std::vector<std::string> lines = absl::StrSplit(content, '\n', absl::SkipEmpty());
    EXPECT_EQ(lines.at(0), "record,patient,split");
    for (size_t i = 1; i < lines.size(); ++i) {
      const std::vector<std::string> fields = absl::StrSplit(lines[i], ',');
      patients[fields.at(2)].insert(fields.at(1));
    }
    return patients;
  }
};

TEST_F(LeakageTest, TestPatientsSeenInPretrainingAreRefusedWithTheirNumber) {
  ASSERT_EQ(Run(Spec("pretrain"), "pretrained").reason, ExitReason::kCompleted);  // folds 1 to 9
  MakeParent("pretrained", "tuned");
  Json spec = Child("finetune", Split({1, 2, 3}, {4}, {9, 10}));
  const TrainerExit refused = Run(spec, "tuned");
  EXPECT_EQ(refused.reason, ExitReason::kLeaky);
  EXPECT_TRUE(Events("tuned", "result").empty());
  EXPECT_TRUE(ListCheckpoints(Folder("tuned") / "checkpoints").empty());

  MakeParent("pretrained", "allowed");
  spec["spec"]["allow_leakage"] = true;
  const TrainerExit allowed = Run(spec, "allowed");
  ASSERT_EQ(allowed.reason, ExitReason::kCompleted) << allowed.message;
  std::set<std::string> leaky;
  const std::set<std::string> tested = Splits("allowed")["test"];
  const std::set<std::string> seen = Splits("pretrained")["validation"];
  for (const std::string& patient : seen) {
    if (tested.contains(patient)) leaky.insert(patient);
  }
  ASSERT_GT(leaky.size(), 0u);
  ASSERT_LT(leaky.size(), tested.size());
  const std::string numbers = absl::StrCat(leaky.size(), " of the ", tested.size(), " patients");
  EXPECT_THAT(refused.message, AllOf(HasSubstr(numbers), HasSubstr("[9, 10]"), HasSubstr("job/1"),
                                     HasSubstr("allow_leakage: true")));
  EXPECT_THAT(Events("allowed", "warning").at(0).dump(), AllOf(HasSubstr("LEAKY"), HasSubstr(numbers)));
  EXPECT_EQ(Events("allowed", "result").at(0)["values"]["leaky_patients"], leaky.size());
  EXPECT_EQ(Json::parse(*ReadFile(Folder("allowed") / "artifacts/scores.json"))["leaky_patients"],
            leaky.size());
}

TEST_F(LeakageTest, WhomNobodySawIsTestedWithoutAWord) {
  ASSERT_EQ(Run(Spec("pretrain"), "pretrained").reason, ExitReason::kCompleted);
  MakeParent("pretrained", "tuned");
  ASSERT_EQ(Run(Child("finetune", Split({1, 2, 3}, {4}, {10})), "tuned").reason, ExitReason::kCompleted);
  EXPECT_TRUE(Events("tuned", "warning").empty());
  EXPECT_FALSE(Events("tuned", "result").at(0)["values"].contains("leaky_patients"));
}

TEST_F(LeakageTest, AnEvaluationAsksTheWholeAncestry) {
  Json pretrain = Spec("pretrain");
  pretrain["spec"]["pretrain"]["folds"] = {{"train", {1, 2, 3}}, {"validation", {4}}};
  ASSERT_EQ(Run(pretrain, "pretrained").reason, ExitReason::kCompleted);
  MakeParent("pretrained", "tuned");
  ASSERT_EQ(Run(Child("finetune", Split({5, 6}, {7}, {10})), "tuned").reason, ExitReason::kCompleted);
  struct Case {
    uint32_t fold;
    ExitReason expected;
  };
  const Case cases[] = {{2, ExitReason::kLeaky},       // trained the grandparent
                        {4, ExitReason::kLeaky},       // chose its best epoch
                        {5, ExitReason::kLeaky},       // trained the parent
                        {7, ExitReason::kLeaky},       // chose its best epoch
                        {10, ExitReason::kCompleted},  // was tested only
                        {8, ExitReason::kCompleted}};
  for (const Case& c : cases) {
    const std::string name = absl::StrCat("scored-", c.fold);
    MakeParent("tuned", name);
    const TrainerExit end = Run(Child("evaluate", {{"test", Folds{c.fold}}}), name);
    EXPECT_EQ(end.reason, c.expected) << c.fold << ": " << end.message;
  }
}

TEST_F(LeakageTest, ResumedAttemptsCheckAndRememberTheSame) {
  ASSERT_EQ(Run(Spec("pretrain"), "pretrained").reason, ExitReason::kCompleted);
  MakeParent("pretrained", "tuned");
  const Json spec = Child("finetune", Split({1, 2, 3}, {4}, {10}));
  CountingControls controls(2);
  ASSERT_EQ(Run(spec, "tuned", controls).reason, ExitReason::kStopped);
  const auto first = ReadCheckpoint(NewestCheckpoint("tuned"));
  ASSERT_EQ(Run(spec, "tuned").reason, ExitReason::kCompleted);
  const auto last = ReadCheckpoint(NewestCheckpoint("tuned"));
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(last, IsOk());
  ASSERT_TRUE(first->seen.has_value());
  EXPECT_GT(first->seen->size(), 0u);
  EXPECT_EQ(first->seen, last->seen);
}

// A checkpoint of a program that did not write it down.
TEST_F(LeakageTest, AParentThatDoesNotTellIsSaidToBeUnknown) {
  ASSERT_EQ(Run(Spec("pretrain"), "pretrained").reason, ExitReason::kCompleted);
  const Path newest = NewestCheckpoint("pretrained");
  auto old = ReadCheckpoint(newest);
  ASSERT_THAT(old, IsOk());
  old->seen.reset();
  ASSERT_THAT(WriteCheckpoint(newest.parent_path(), *old), IsOk());
  MakeParent("pretrained", "tuned");
  ASSERT_EQ(Run(Child("finetune", Split({1, 2, 3}, {4}, {9})), "tuned").reason, ExitReason::kCompleted);
  EXPECT_THAT(Events("tuned", "warning").at(0).dump(), HasSubstr("SEEN_UNKNOWN"));
  EXPECT_FALSE(ReadCheckpoint(NewestCheckpoint("tuned"))->seen.has_value());
}

TEST_F(LeakageTest, SplitsHoldEachPatientOnce) {
  ASSERT_EQ(Run(Spec("finetune"), "tuned").reason, ExitReason::kCompleted);
  auto splits = Splits("tuned");
  EXPECT_EQ(splits.size(), 3u);
  std::set<std::string> all;
  size_t sum = 0;
  for (const auto& [split, patients] : splits) {
    EXPECT_FALSE(patients.empty()) << split;
    all.insert(patients.begin(), patients.end());
    sum += patients.size();
  }
  EXPECT_EQ(all.size(), sum);
  EXPECT_EQ(Events("tuned", "artifact").at(0)["kind"], "splits");
}

}  // namespace
}  // namespace ecgtrain
