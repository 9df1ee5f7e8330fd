// The life of attempts as workers and people drive it, over the in-memory store.
#include "server/coordinator/job_commands.h"
#include "tests/server/coordinator/coordinator_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;
using AttemptsTest = CoordinatorFixture;

TEST_F(AttemptsTest, AJobRunsToItsEnd) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  EXPECT_EQ(GetJob(id).state(), v1::RUNNING);
  EXPECT_EQ(GetAttempt(id, 1).state(), v1::ATTEMPT_RUNNING);
  const auto finished = Finish(attempt, v1::COMPLETED);
  ASSERT_THAT(finished, IsOk());
  EXPECT_EQ(finished->job_state(), v1::SUCCEEDED);
  EXPECT_EQ(GetAttempt(id, 1).state(), v1::ENDED);
}

TEST_F(AttemptsTest, ARepeatedFinishIsAnsweredAsTheFirstEvenWhenTheJobHasMovedOn) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  ASSERT_EQ(Finish(attempt, v1::USER_ERROR)->job_state(), v1::FAILED);
  ASSERT_THAT(Requeue(id), IsOk());
  const auto again = Finish(attempt, v1::USER_ERROR, "worded differently after a restart");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->job_state(), v1::FAILED);
  EXPECT_EQ(GetJob(id).state(), v1::QUEUED);
}

// P28: it would wait for ever.
TEST_F(AttemptsTest, ARetryBehindADependencyThatWasCancelledMeanwhileIsCancelled) {
  Register();
  for (const v1::EndReason reason : {v1::TRAINER_CRASHED, v1::STOPPED_PAUSE}) {
    const int64_t parent = SubmitOne(Pretrain("parent"));
    ASSERT_EQ(Finish(StartAttempt(parent), v1::COMPLETED)->job_state(), v1::SUCCEEDED);
    v1::JobSpec spec = Pretrain("child");
    spec.add_after(absl::StrCat("job/", parent));
    const int64_t child = SubmitOne(spec);
    const v1::AttemptRef attempt = StartAttempt(child);
    ASSERT_THAT(Requeue(parent), IsOk());
    ASSERT_THAT(Cancel(parent), IsOk());
    EXPECT_EQ(GetJob(child).state(), v1::RUNNING) << "what runs may end";
    if (reason == v1::STOPPED_PAUSE) {
      ASSERT_THAT(Pause(child), IsOk());
    }
    EXPECT_EQ(Finish(attempt, reason)->job_state(), v1::CANCELLED);
    EXPECT_EQ(GetJob(child).reason(), v1::DEPENDENCY_FAILED);
  }
}

TEST_F(AttemptsTest, AStaleTokenIsAbortedAndChangesNothing) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  v1::AttemptRef stale = StartAttempt(id);
  stale.set_token(stale.token() - 1);
  const std::string before = GetJob(id).SerializeAsString();
  v1::TrainerEvent event;
  event.mutable_progress()->set_step(5);
  EXPECT_THAT(ReportEvent(stale, event), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Finish(stale, v1::COMPLETED), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(GetJob(id).SerializeAsString(), before);
}

TEST_F(AttemptsTest, ARetryableEndQueuesTheJobAgainWithANewToken) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef first = StartAttempt(id);
  clock_.Advance(absl::Minutes(3));
  Beat({Held(first)});
  ASSERT_EQ(Finish(first, v1::TRAINER_CRASHED)->job_state(), v1::QUEUED);
  EXPECT_TRUE(GetJob(id).has_not_before());
  Round();
  EXPECT_EQ(GetJob(id).state(), v1::QUEUED) << "waits for its backoff";
  clock_.Advance(absl::Seconds(20));
  const v1::AttemptRef second = StartAttempt(id);
  EXPECT_EQ(second.attempt(), 2u);
  EXPECT_GT(second.token(), first.token());
  EXPECT_EQ(GetJob(id).infrastructure_retries(), 1u);
}

TEST_F(AttemptsTest, CancellingARunningJobAsksItsTrainerToStop) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  ASSERT_THAT(Cancel(id), IsOk());
  EXPECT_EQ(GetJob(id).state(), v1::RUNNING);
  const v1::HeartbeatResponse orders = Beat({Held(attempt)});
  ASSERT_EQ(orders.stop_size(), 1);
  EXPECT_EQ(orders.stop(0).why(), v1::STOP_CANCEL);
  EXPECT_EQ(Finish(attempt, v1::TRAINER_CRASHED)->job_state(), v1::CANCELLED);
}

TEST_F(AttemptsTest, CancelNowReachesATrainerThatIsStoppingAlready) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  ASSERT_THAT(Cancel(id), IsOk());
  Beat({Held(attempt)});
  EXPECT_EQ(Beat({Held(attempt, v1::HeldAttempt::STOPPING)}).stop_size(), 0);
  ASSERT_THAT(Cancel(id, /*now=*/true), IsOk());
  const v1::HeartbeatResponse orders = Beat({Held(attempt, v1::HeldAttempt::STOPPING)});
  ASSERT_EQ(orders.stop_size(), 1);
  EXPECT_TRUE(orders.stop(0).now());
}

TEST_F(AttemptsTest, PauseAndResumeGoOnInANewAttempt) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  ASSERT_THAT(Pause(id), IsOk());
  EXPECT_THAT(Resume(id), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_EQ(Finish(attempt, v1::STOPPED_PAUSE)->job_state(), v1::PAUSED);
  ASSERT_THAT(Resume(id), IsOk());
  EXPECT_EQ(StartAttempt(id).attempt(), 2u);
}

TEST_F(AttemptsTest, CancelIsStrongerThanPause) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  StartAttempt(id);
  ASSERT_THAT(Cancel(id), IsOk());
  EXPECT_THAT(Pause(id), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetJob(id).stop_requested(), v1::STOP_CANCEL);
}

TEST_F(AttemptsTest, AskingForAStateAlreadyReachedIsOk) {
  const int64_t id = SubmitOne(Pretrain());
  ASSERT_THAT(Pause(id), IsOk());
  ASSERT_THAT(Pause(id), IsOk());
  ASSERT_THAT(Cancel(id), IsOk());
  ASSERT_THAT(Cancel(id), IsOk());
  EXPECT_THAT(Pause(id), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("CANCELLED")));
}

TEST_F(AttemptsTest, AFailedParentCancelsItsDescendantsInOneTransaction) {
  Register();
  const auto batch = Submit({Pretrain("a"), Finetune("a@best", "b"), Finetune("b@best", "c")});
  ASSERT_THAT(batch, IsOk());
  const v1::AttemptRef attempt = StartAttempt(batch->jobs(0).id());
  ASSERT_THAT(Finish(attempt, v1::NON_FINITE), IsOk());
  for (const int i : {1, 2}) {
    const v1::Job job = GetJob(batch->jobs(i).id());
    EXPECT_EQ(job.state(), v1::CANCELLED);
    EXPECT_EQ(job.reason(), v1::DEPENDENCY_FAILED);
  }
}

TEST_F(AttemptsTest, AChildWaitsForItsParent) {
  Register();
  const auto batch = Submit({Pretrain("a"), Finetune("a@best", "b")});
  const v1::AttemptRef parent = StartAttempt(batch->jobs(0).id());
  Register("w2", "i2");
  Round();
  EXPECT_EQ(GetJob(batch->jobs(1).id()).state(), v1::QUEUED);
  ASSERT_THAT(Finish(parent, v1::COMPLETED), IsOk());
  Round();
  // The parent left no checkpoint: it cannot fulfil what the child needs.
  EXPECT_EQ(GetJob(batch->jobs(1).id()).state(), v1::CANCELLED);
}

TEST_F(AttemptsTest, EventsAreAppliedOnceWhateverIsRepeated) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  v1::ReportEventsRequest request;
  *request.mutable_attempt() = StartAttempt(id);
  for (uint64_t seq = 2; seq <= 3; ++seq) {
    v1::TrainerEvent& event = *request.add_events();
    event.set_seq(seq);
    event.mutable_metrics()->set_step(seq);
    (*event.mutable_metrics()->mutable_values())["train/loss"] = 1.0 / static_cast<double>(seq);
  }
  request.set_log("hello ");
  ASSERT_EQ(Report(request)->acknowledged_seq(), 3u);
  const auto again = Report(request);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->acknowledged_seq(), 3u);
  EXPECT_EQ(again->acknowledged_log_offset(), 6u);
  ASSERT_THAT(store_.Read([&](StoreReader& reader) {
    EXPECT_EQ(reader.Metrics({.job_id = id})->size(), 2u);
    EXPECT_EQ(*reader.Log(id, 1, 0, 100), "hello ");
    return absl::OkStatus();
  }),
              IsOk());
}

TEST_F(AttemptsTest, LogBytesThatOverlapAreAppendedOnce) {
  Register();
  v1::ReportEventsRequest request;
  *request.mutable_attempt() = StartAttempt(SubmitOne(Pretrain()));
  request.set_log("abc");
  ASSERT_THAT(Report(request), IsOk());
  request.set_log_offset(1);
  request.set_log("bcde");
  EXPECT_EQ(Report(request)->acknowledged_log_offset(), 5u);
}

TEST_F(AttemptsTest, AGapIsOutOfRangeAndAnEmptyReportTellsWhereToGoOn) {
  Register();
  v1::ReportEventsRequest request;
  *request.mutable_attempt() = StartAttempt(SubmitOne(Pretrain()));
  v1::TrainerEvent& event = *request.add_events();
  event.set_seq(9);
  event.mutable_warning()->set_code("x");
  EXPECT_THAT(Report(request), StatusIs(absl::StatusCode::kOutOfRange));
  request.clear_events();
  EXPECT_EQ(Report(request)->acknowledged_seq(), 1u);
}

TEST_F(AttemptsTest, HostileEventsAreRefused) {
  Register();
  const v1::AttemptRef attempt = StartAttempt(SubmitOne(Pretrain()));
  v1::TrainerEvent event;
  v1::ArtifactFile& file = *event.mutable_checkpoint()->add_files();
  event.mutable_checkpoint()->set_name("../../etc");
  file.set_name("model.safetensors");
  file.set_sha256(std::string(64, 'a'));
  EXPECT_THAT(ReportEvent(attempt, event), StatusIs(absl::StatusCode::kInvalidArgument));
  event.mutable_checkpoint()->set_name("step-000000001");
  file.set_sha256("short");
  EXPECT_THAT(ReportEvent(attempt, event), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReportEvent(attempt, v1::TrainerEvent()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Finish(attempt, v1::WORKER_LOST), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(AttemptsTest, RunningPastMaxTimeIsStopped) {
  Register();
  v1::JobSpec spec = Pretrain();
  spec.mutable_resources()->mutable_max_time()->set_seconds(600);
  const int64_t id = SubmitOne(spec);
  const v1::AttemptRef attempt = StartAttempt(id);
  clock_.Advance(absl::Minutes(11));
  Beat({Held(attempt)});
  Round();
  EXPECT_EQ(GetJob(id).stop_requested(), v1::STOP_TIMEOUT);
  ASSERT_EQ(Finish(attempt, v1::STOPPED_PAUSE)->job_state(), v1::FAILED);
  EXPECT_EQ(GetJob(id).reason(), v1::TIMEOUT);
}

TEST_F(AttemptsTest, ATrainerWithoutProgressIsStopped) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  const auto beat_for = [&](absl::Duration time) {
    for (absl::Duration passed; passed < time; passed += absl::Seconds(20)) {
      clock_.Advance(absl::Seconds(20));
      Beat({Held(attempt)});
    }
    Round();
  };
  beat_for(absl::Minutes(29));
  EXPECT_EQ(GetJob(id).stop_requested(), v1::STOP_NONE);
  beat_for(absl::Minutes(2));
  EXPECT_EQ(GetJob(id).stop_requested(), v1::STOP_STUCK);
}

TEST_F(AttemptsTest, AWorkerThatWasCutOffIsGivenTimeToDeliverItsProgress) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  clock_.Advance(absl::Hours(2));
  Beat({Held(attempt)});
  Round();
  EXPECT_EQ(GetJob(id).stop_requested(), v1::STOP_NONE);
}

TEST_F(AttemptsTest, OnlyOnesOwnJobsCanBeCancelled) {
  SubmitOne(Pretrain());
  v1::CancelJobRequest request;
  request.set_request_id("x");
  request.set_job("1");
  absl::StatusOr<v1::CancelJobResponse> answer;
  CancelJob(coordinator_->mutations(), {"bob"}, request, [&](auto given) { answer = given; });
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace ecgtrain
