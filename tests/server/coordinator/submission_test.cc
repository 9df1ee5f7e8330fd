#include "server/coordinator/submission.h"

#include "tests/server/coordinator/coordinator_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using SubmissionTest = CoordinatorFixture;

TEST_F(SubmissionTest, StoresTheResolvedSpecification) {
  const int64_t id = SubmitOne(Pretrain());
  const v1::Job job = GetJob(id);
  EXPECT_EQ(job.state(), v1::QUEUED);
  EXPECT_EQ(job.user(), "ann");
  EXPECT_EQ(job.kind(), "pretrain");
  EXPECT_EQ(job.spec().optimizer().name(), "adam");
  EXPECT_EQ(job.spec().retry().infrastructure(), 10u);
}

TEST_F(SubmissionTest, TheSameRequestReturnsTheFirstAnswerAndMakesOneJob) {
  const auto first = Submit({Pretrain()}, "id-1");
  ASSERT_THAT(Cancel(first->jobs(0).id()), IsOk());
  const auto again = Submit({Pretrain()}, "id-1");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(SubmitOne(Pretrain()), first->jobs(0).id() + 1);
}

TEST_F(SubmissionTest, OtherContentUnderTheSameIdNamesTheFieldsThatDiffer) {
  ASSERT_THAT(Submit({Pretrain()}, "id-1"), IsOk());
  v1::JobSpec other = Pretrain();
  other.set_seed(7);
  other.mutable_schedule()->set_epochs(3);
  EXPECT_THAT(Submit({other}, "id-1"),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr("specs[0].seed"), HasSubstr("specs[0].schedule"))));
}

TEST_F(SubmissionTest, ARequestWithoutAnIdIsRefused) {
  v1::SubmitJobsRequest request;
  *request.add_specs() = Pretrain();
  absl::StatusOr<v1::SubmitJobsResponse> answer;
  SubmitJobs(coordinator_->mutations(), "ann", request, [&](auto given) { answer = given; });
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_id")));
}

TEST_F(SubmissionTest, JobsOfABatchReferToOneAnotherByName) {
  const auto answer = Submit({Finetune("pre@best"), Pretrain("pre")});
  ASSERT_THAT(answer, IsOk());
  const v1::Job parent = GetJob(answer->jobs(1).id());
  const v1::Job child = GetJob(answer->jobs(0).id());
  EXPECT_EQ(child.name(), "fine");
  EXPECT_EQ(child.parent_job(), parent.id());
  EXPECT_EQ(child.parent_selector(), "best");
  EXPECT_EQ(child.spec().finetune().from(), absl::StrCat("job/", parent.id(), "@best"));
  EXPECT_EQ(child.spec().model().preset(), "tiny") << "the parent's model";
}

TEST_F(SubmissionTest, ABadJobStoresNothingOfItsBatch) {
  v1::JobSpec bad = Pretrain("bad");
  bad.set_precision("fp99");
  EXPECT_THAT(Submit({Pretrain(), bad}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("specs[1].precision")));
  EXPECT_EQ(SubmitOne(Pretrain()), 1);
}

TEST_F(SubmissionTest, ACycleIsRefused) {
  v1::JobSpec a = Pretrain("a"), b = Pretrain("b");
  a.add_after("b");
  b.add_after("a");
  EXPECT_THAT(Submit({a, b}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("after itself")));
}

TEST_F(SubmissionTest, AMissingJobIsNotFound) {
  EXPECT_THAT(Submit({Finetune("job/99@best")}), StatusIs(absl::StatusCode::kNotFound, HasSubstr("job/99")));
}

TEST_F(SubmissionTest, AnEvaluationNeedsAFineTunedParent) {
  const int64_t parent = SubmitOne(Pretrain());
  v1::JobSpec spec;
  spec.set_name("eval");
  spec.mutable_evaluate()->set_dataset("synthetic");
  spec.mutable_evaluate()->set_from(absl::StrCat("job/", parent, "@last"));
  EXPECT_THAT(Submit({spec}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("pretrain")));
}

TEST_F(SubmissionTest, ABatchHasAtMostAThousandJobs) {
  EXPECT_THAT(Submit(std::vector<v1::JobSpec>(1001, Pretrain())),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Submit({}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(SubmissionTest, AFailedCommitMakesNoJobAndMayBeRepeated) {
  store_.FailCommits(absl::UnavailableError("disk"));
  EXPECT_THAT(Submit({Pretrain()}, "id-1"), StatusIs(absl::StatusCode::kUnavailable));
  store_.FailCommits(absl::OkStatus());
  ASSERT_THAT(Submit({Pretrain()}, "id-1"), IsOk());
  EXPECT_EQ(Events(0).size(), 1u);
}

}  // namespace
}  // namespace ecgtrain
