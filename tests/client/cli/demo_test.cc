#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cancellation.h"
#include "client/cli/demo_plan.h"
#include "client/cli/demo_processes.h"
#include "common/clock.h"
#include "common/durable_file.h"
#include "spec/resolve.h"
#include "spec/spec_parser.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DemoTest : public testing::Test {
 protected:
  absl::StatusOr<std::set<int>> Folds(const std::string& database) {
    EXPECT_TRUE(WriteFileDurably(folder_.path() / "ptbxl_database.csv", database).ok());
    return FoldsOfPtbxl(folder_.path());
  }

  // A program of the system with its log in the test's folder; waits are passed in real time.
  std::unique_ptr<ChildProgram> StartShell(const std::string& script) {
    auto child =
        ChildProgram::Start("/bin/sh", {"-c", script}, folder_.path() / "log", [this](absl::Duration time) {
          Cancellation never(clock_);
          never.SleepFor(time);
        });
    EXPECT_TRUE(child.ok()) << child.status();
    return *std::move(child);
  }

  TemporaryFolder folder_;
  RealClock clock_;
};

TEST_F(DemoTest, FoldsAreReadFromTheirColumnInSpiteOfQuotedText) {
  EXPECT_THAT(*Folds("ecg_id,report,strat_fold,filename_lr\n1,\"a, \"\"b\"\"\nc\",3,x\n2,,9.0,y\n3,,,z\n"),
              ElementsAre(3, 9));
}

TEST_F(DemoTest, DatabaseWithoutFoldsIsRefused) {
  EXPECT_THAT(std::string(Folds("ecg_id,report\n1,a\n").status().message()),
              HasSubstr("no column strat_fold"));
  EXPECT_THAT(std::string(Folds("ecg_id,strat_fold\n1,99\n").status().message()),
              HasSubstr("no record in a fold"));
  EXPECT_TRUE(absl::IsNotFound(FoldsOfPtbxl(folder_.path() / "absent").status()));
}

TEST_F(DemoTest, PlanIsABatchWithoutProblems) {
  for (const bool without_fold_10 : {false, true}) {
    DemoPlan plan;
    plan.without_fold_10 = without_fold_10;
    auto specs = ParseSpecs(DemoSpecification(plan), "plan");
    ASSERT_TRUE(specs.ok()) << specs.status();
    ASSERT_EQ(specs->size(), 3u);
    for (v1::JobSpec& spec : *specs) EXPECT_TRUE(ResolveSpec(spec).empty()) << spec.name();
    EXPECT_EQ((*specs)[1].finetune().from(), "pretrain@best");
    EXPECT_EQ((*specs)[2].finetune().folds().test(0), without_fold_10 ? 9u : 10u);
  }
}

TEST_F(DemoTest, PlanHasTheEpochsAskedFor) {
  DemoPlan plan;
  plan.pretraining_epochs = 3;
  plan.finetuning_epochs = 4;
  const auto specs = ParseSpecs(DemoSpecification(plan), "plan");
  ASSERT_TRUE(specs.ok()) << specs.status();
  EXPECT_EQ((*specs)[0].schedule().epochs(), 3u);
  EXPECT_EQ((*specs)[1].schedule().epochs(), 4u);
  EXPECT_EQ((*specs)[2].schedule().epochs(), 4u);
}

TEST_F(DemoTest, ChildThatHasEndedIsNamedWithItsLog) {
  const auto child = StartShell("echo why; exit 3");
  while (child->CheckRunning().ok()) {
  }
  const std::string message(child->CheckRunning().message());
  EXPECT_THAT(message, HasSubstr("exit code 3"));
  EXPECT_THAT(message, HasSubstr((folder_.path() / "log").string()));
  EXPECT_EQ(*ReadFile(folder_.path() / "log"), "why\n");
}

TEST_F(DemoTest, StopEndsAChildThatListens) {
  const auto child = StartShell("exec sleep 1000");
  child->Stop(absl::Minutes(1));
  EXPECT_THAT(std::string(child->CheckRunning().message()), HasSubstr("by signal 15"));
}

TEST_F(DemoTest, StopKillsAChildThatDoesNotListen) {
  const auto child = StartShell("trap '' TERM; echo ready; while :; do :; done");
  while (ReadFile(folder_.path() / "log").value_or("") != "ready\n") {
  }
  child->Stop(absl::Milliseconds(50));
  EXPECT_THAT(std::string(child->CheckRunning().message()), HasSubstr("by signal 9"));
}

TEST_F(DemoTest, AbsentProgramIsNotFound) {
  EXPECT_TRUE(
      absl::IsNotFound(ChildProgram::Start("/nonexistent/program", {}, folder_.path() / "log", {}).status()));
}

}  // namespace
}  // namespace ecgtrain
