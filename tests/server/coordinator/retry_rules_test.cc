#include "server/coordinator/retry_rules.h"

#include <gtest/gtest.h>

#include "server/coordinator/proto_time.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

v1::Job RunningJob() {
  v1::Job job;
  job.set_id(7);
  job.set_state(v1::RUNNING);
  job.mutable_spec()->mutable_retry()->set_user(1);
  job.mutable_spec()->mutable_retry()->set_infrastructure(10);
  return job;
}

// Attempts that ended for these reasons, each after `length`, at the same step.
AttemptHistory Ended(const std::vector<v1::EndReason>& reasons, absl::Duration length = absl::Minutes(30)) {
  AttemptHistory history;
  for (const v1::EndReason reason : reasons) {
    v1::Attempt& attempt = history.attempts.emplace_back();
    attempt.set_number(static_cast<uint32_t>(history.attempts.size()));
    attempt.set_reason(reason);
    attempt.set_last_step(100);
    *attempt.mutable_leased() = ToProtoTime(kNow);
    *attempt.mutable_ended() = ToProtoTime(kNow + length);
  }
  return history;
}

TEST(RetryRulesTest, EachReasonLeadsToTheStateOfTheTable) {
  const std::pair<v1::EndReason, v1::JobState> table[] = {
      {v1::COMPLETED, v1::SUCCEEDED},    {v1::STOPPED_CANCEL, v1::CANCELLED},
      {v1::STOPPED_PAUSE, v1::PAUSED},   {v1::PREEMPTED, v1::QUEUED},
      {v1::DRAINED, v1::QUEUED},         {v1::USER_ERROR, v1::FAILED},
      {v1::NON_FINITE, v1::FAILED},      {v1::OOM_GPU, v1::FAILED},
      {v1::OOM_HOST, v1::QUEUED},        {v1::TIMEOUT, v1::FAILED},
      {v1::DATA_MISSING, v1::QUEUED},    {v1::DATA_CORRUPT, v1::FAILED},
      {v1::DATA_CHANGED, v1::FAILED},    {v1::CHECKPOINT_CORRUPT, v1::QUEUED},
      {v1::DISK_FULL, v1::QUEUED},       {v1::GPU_FAULT, v1::QUEUED},
      {v1::DEVICE_BUSY, v1::QUEUED},     {v1::START_FAILED, v1::QUEUED},
      {v1::TRAINER_CRASHED, v1::QUEUED}, {v1::TRAINER_STUCK, v1::QUEUED},
      {v1::WORKER_LOST, v1::QUEUED},     {v1::INTERNAL, v1::QUEUED},
      {v1::LEAKY, v1::FAILED},
  };
  for (const auto& [reason, state] : table) {
    const Verdict verdict = JudgeAttempt(RunningJob(), Ended({reason}), kNow);
    EXPECT_EQ(verdict.state, state) << v1::EndReason_Name(reason);
    EXPECT_EQ(verdict.reason, reason) << v1::EndReason_Name(reason);
  }
}

TEST(RetryRulesTest, InfrastructureFailuresNeverSpendTheUsersBudget) {
  for (const v1::EndReason reason : {v1::DATA_MISSING, v1::DISK_FULL, v1::GPU_FAULT, v1::START_FAILED,
                                     v1::TRAINER_STUCK, v1::WORKER_LOST, v1::INTERNAL}) {
    EXPECT_EQ(JudgeAttempt(RunningJob(), Ended({reason}), kNow).charged, RetryBudget::kInfrastructure)
        << v1::EndReason_Name(reason);
  }
}

TEST(RetryRulesTest, PreemptionDrainAndABusyDeviceAreFreeAndImmediate) {
  for (const v1::EndReason reason : {v1::PREEMPTED, v1::DRAINED, v1::DEVICE_BUSY}) {
    const Verdict verdict = JudgeAttempt(RunningJob(), Ended({reason}), kNow);
    EXPECT_EQ(verdict.charged, RetryBudget::kNone);
    EXPECT_FALSE(verdict.not_before.has_value());
  }
}

TEST(RetryRulesTest, AnExhaustedBudgetFailsTheJobWithTheLastReason) {
  v1::Job job = RunningJob();
  job.set_infrastructure_retries(10);
  const Verdict verdict = JudgeAttempt(job, Ended({v1::DISK_FULL}), kNow);
  EXPECT_EQ(verdict.state, v1::FAILED);
  EXPECT_EQ(verdict.reason, v1::DISK_FULL);
  EXPECT_THAT(verdict.message, HasSubstr("exhausted"));
}

TEST(RetryRulesTest, TheSecondCrashAtOneStepIsTheUsers) {
  EXPECT_EQ(JudgeAttempt(RunningJob(), Ended({v1::TRAINER_CRASHED}), kNow).charged,
            RetryBudget::kInfrastructure);
  EXPECT_EQ(JudgeAttempt(RunningJob(), Ended({v1::TRAINER_CRASHED, v1::TRAINER_CRASHED}), kNow).charged,
            RetryBudget::kUser);
}

TEST(RetryRulesTest, ThreeShortAttemptsForOneReasonAreALoop) {
  const std::vector<v1::EndReason> reasons(3, v1::START_FAILED);
  const Verdict looped = JudgeAttempt(RunningJob(), Ended(reasons, absl::Seconds(20)), kNow);
  EXPECT_EQ(looped.state, v1::FAILED);
  EXPECT_EQ(JudgeAttempt(RunningJob(), Ended(reasons, absl::Minutes(3)), kNow).state, v1::QUEUED);
}

TEST(RetryRulesTest, ALoopCountsFromTheLastRequeue) {
  v1::Job job = RunningJob();
  job.set_requeued_after_attempt(1);
  const std::vector<v1::EndReason> reasons(3, v1::START_FAILED);
  EXPECT_EQ(JudgeAttempt(job, Ended(reasons, absl::Seconds(20)), kNow).state, v1::QUEUED);
}

TEST(RetryRulesTest, FreeReasonsAreNoLoop) {
  const std::vector<v1::EndReason> reasons(5, v1::DEVICE_BUSY);
  EXPECT_EQ(JudgeAttempt(RunningJob(), Ended(reasons, absl::Seconds(1)), kNow).state, v1::QUEUED);
}

TEST(RetryRulesTest, WithoutASoundCheckpointCorruptionIsFinal) {
  AttemptHistory history = Ended({v1::CHECKPOINT_CORRUPT});
  history.sound_checkpoint_left = false;
  EXPECT_EQ(JudgeAttempt(RunningJob(), history, kNow).state, v1::FAILED);
}

TEST(RetryRulesTest, BackoffDoublesFromFifteenSecondsToTenMinutesWithJitter) {
  absl::Duration nominal = absl::Seconds(15);
  for (uint32_t retry = 1; retry < 12; ++retry) {
    const absl::Duration delay = RetryBackoff(7, retry);
    EXPECT_GE(delay, nominal * 0.8) << retry;
    EXPECT_LE(delay, nominal * 1.2) << retry;
    nominal = std::min(nominal * 2, absl::Minutes(10));
  }
}

TEST(RetryRulesTest, BackoffIsTheSameForTheSameJobAndDiffersBetweenJobs) {
  EXPECT_EQ(RetryBackoff(7, 3), RetryBackoff(7, 3));
  EXPECT_NE(RetryBackoff(7, 3), RetryBackoff(8, 3));
}

TEST(SettledReasonTest, ARequestedStopExplainsAnyEnd) {
  for (const v1::EndReason reported : {v1::TRAINER_CRASHED, v1::STOPPED_PAUSE, v1::OOM_HOST, v1::DRAINED}) {
    EXPECT_EQ(SettledReason(reported, v1::STOP_CANCEL), v1::STOPPED_CANCEL);
    EXPECT_EQ(SettledReason(reported, v1::STOP_PAUSE), v1::STOPPED_PAUSE);
    EXPECT_EQ(SettledReason(reported, v1::STOP_TIMEOUT), v1::TIMEOUT);
  }
}

TEST(SettledReasonTest, WorkThatIsDoneStaysDone) {
  EXPECT_EQ(SettledReason(v1::COMPLETED, v1::STOP_CANCEL), v1::COMPLETED);
}

TEST(SettledReasonTest, AnOrderlyEndThatNobodyAskedForIsADrain) {
  EXPECT_EQ(SettledReason(v1::STOPPED_CANCEL, v1::STOP_NONE), v1::DRAINED);
  EXPECT_EQ(SettledReason(v1::TRAINER_CRASHED, v1::STOP_NONE), v1::TRAINER_CRASHED);
}

TEST(SettledReasonTest, ADrainDoesNotHideARealFailure) {
  EXPECT_EQ(SettledReason(v1::NON_FINITE, v1::STOP_DRAIN), v1::NON_FINITE);
  EXPECT_EQ(SettledReason(v1::TRAINER_CRASHED, v1::STOP_DRAIN), v1::DRAINED);
}

TEST(RetryRulesTest, ALostAttemptOfAPausedJobIsPaused) {
  v1::Job job = RunningJob();
  job.set_stop_requested(v1::STOP_PAUSE);
  EXPECT_EQ(JudgeAttempt(job, Ended({v1::WORKER_LOST}), kNow).state, v1::PAUSED);
}

}  // namespace
}  // namespace ecgtrain
