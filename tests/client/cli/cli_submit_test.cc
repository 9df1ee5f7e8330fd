#include <gmock/gmock.h>

#include "tests/client/cli/cli_fixture.h"

namespace ecgtrain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kSpec[] = "name: first\npretrain: {dataset: synthetic}\n";

class CliSubmitTest : public CliFixture {};

TEST_F(CliSubmitTest, FileBecomesOneRequestWithTheOptionsApplied) {
  Serve({});
  const CliResult result =
      Run({"job", "submit", "-f", WriteSpec(kSpec), "--set", "model.preset=tiny", "--set",
           "schedule.epochs=3", "--name", "renamed", "--priority", "low", "--after", "job/7", "--hold",
           "--request-id", "8e4fd5d0-0000-4000-8000-000000000000"});
  EXPECT_EQ(result.code, 0) << result.err;
  const v1::SubmitJobsRequest request = fake_->record().submissions.front();
  EXPECT_EQ(request.request_id(), "8e4fd5d0-0000-4000-8000-000000000000");
  EXPECT_TRUE(request.hold());
  ASSERT_EQ(request.specs_size(), 1);
  EXPECT_EQ(request.specs(0).name(), "renamed");
  EXPECT_EQ(request.specs(0).model().preset(), "tiny");
  EXPECT_EQ(request.specs(0).schedule().epochs(), 3u);
  EXPECT_EQ(request.specs(0).priority(), "low");
  EXPECT_EQ(request.specs(0).after(0), "job/7");
  EXPECT_THAT(result.out, HasSubstr("job/100"));
  EXPECT_THAT(result.err, HasSubstr("ecgctl job watch 100"));
}

TEST_F(CliSubmitTest, ReadsStandardInputAndPrintsOnlyTheReferenceWhenQuiet) {
  Serve({});
  const CliResult result = Run({"submit", "-f", "-", "-q"}, kSpec);
  EXPECT_EQ(result.out, "job/100\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(CliSubmitTest, FaultInTheFileIsNamedWithItsLine) {
  Serve({});
  const std::string path = WriteSpec("name: first\npretrain:\n  datset: synthetic\n");
  const CliResult result = Run({"job", "submit", "-f", path});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr(path + ":3: "), HasSubstr("did you mean \"dataset\"")));
  EXPECT_TRUE(fake_->record().submissions.empty());
}

TEST_F(CliSubmitTest, WrongSettingsAndOptionsAreUsageErrors) {
  Serve({});
  const std::string path = WriteSpec(kSpec);
  EXPECT_THAT(Run({"job", "submit", "-f", path, "--set", "model.prest=tiny"}).err, HasSubstr("did you mean"));
  EXPECT_EQ(Run({"job", "submit", "-f", path, "--follow", "--wait"}).code, 2);
  EXPECT_EQ(Run({"job", "submit", "-f", path, "--max-wait", "1m"}).code, 2);
  EXPECT_EQ(Run({"job", "submit", "-f", "/nonexistent.yaml"}).code, 2);
  EXPECT_EQ(Run({"job", "submit"}).code, 2);
}

TEST_F(CliSubmitTest, FlagsMakeTheCommonJob) {
  Serve({});
  EXPECT_EQ(Run({"finetune", "--dataset", "ptbxl", "--task", "rhythm", "--from", "job/12@best", "--epochs",
                 "4", "--set", "optimizer.learning_rate=1e-4"})
                .code,
            0);
  const v1::JobSpec spec = fake_->record().submissions.front().specs(0);
  EXPECT_EQ(spec.finetune().dataset(), "ptbxl");
  EXPECT_EQ(spec.finetune().task(), "rhythm");
  EXPECT_EQ(spec.finetune().from(), "job/12@best");
  EXPECT_EQ(spec.schedule().epochs(), 4u);
  EXPECT_EQ(spec.optimizer().learning_rate(), 1e-4);
  EXPECT_EQ(Run({"pretrain"}).code, 2);
}

TEST_F(CliSubmitTest, JobsOfOtherSubmissionsMayBeNamed) {
  FakeState state;
  v1::Job job;
  job.set_id(41);
  job.set_name("base");
  state.jobs.push_back(job);
  Serve(state);
  EXPECT_EQ(Run({"finetune", "--dataset", "ptbxl", "--from", "base@best", "--after", "base"}).code, 0);
  EXPECT_EQ(Run({"evaluate", "--dataset", "ptbxl", "--from", "base@step:7"}).code, 0);
  const auto submissions = fake_->record().submissions;
  ASSERT_EQ(submissions.size(), 2u);
  EXPECT_EQ(submissions[0].specs(0).finetune().from(), "job/41@best");
  EXPECT_EQ(submissions[0].specs(0).after(0), "job/41");
  EXPECT_EQ(submissions[1].specs(0).evaluate().from(), "job/41@step:7");
}

TEST_F(CliSubmitTest, ReferencesThatNameNothingAreRefusedBeforeSubmission) {
  Serve({});
  const CliResult unknown = Run({"finetune", "--dataset", "ptbxl", "--from", "absent@best"});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("--from: "), HasSubstr("absent")));
  const CliResult without = Run({"finetune", "--dataset", "ptbxl", "--from", "base"});
  EXPECT_EQ(without.code, 2);
  EXPECT_THAT(without.err, HasSubstr("--from: \"base\" names no checkpoint; write a job and which"));
  const CliResult after = Run({"pretrain", "--dataset", "ptbxl", "--after", "a b"});
  EXPECT_EQ(after.code, 2);
  EXPECT_THAT(after.err, HasSubstr("--after: \"a b\" names no job"));
  EXPECT_TRUE(fake_->record().submissions.empty());
}

TEST_F(CliSubmitTest, SubmitAndWaitHasTheExitCodeOfTheJob) {
  FakeState state;
  state.watches = {{{MakeEvent(1, "failed", v1::FAILED)}, grpc::Status::OK}};
  Serve(state);
  const CliResult result = Run({"job", "submit", "-f", WriteSpec(kSpec), "--wait"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("job/100 FAILED"));
}

TEST_F(CliSubmitTest, ValidatePrintsTheResolvedSpecificationAndItsPlace) {
  FakeState state;
  state.validation.add_resolved()->mutable_pretrain()->set_dataset("synthetic");
  state.validation.add_placement("would run on gpu-1");
  Serve(state);
  const CliResult result = Run({"job", "validate", "-f", WriteSpec(kSpec)});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("# would run on gpu-1"), HasSubstr("dataset: synthetic")));
}

TEST_F(CliSubmitTest, ValidateExitsWithUsageErrorOnProblems) {
  FakeState state;
  v1::SpecProblem& problem = *state.validation.add_problems();
  problem.set_field("finetune.folds.test");
  problem.set_description("fold 8 is also in train");
  Serve(state);
  const CliResult result = Run({"job", "validate", "-f", WriteSpec(kSpec)});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("specs[0].finetune.folds.test: fold 8 is also in train"));
}

}  // namespace
}  // namespace ecgtrain
