#include "server/coordinator/retry_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/coordinator/proto_time.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kLongestBackoff = absl::Minutes(10);
constexpr absl::Duration kShortAttempt = absl::Minutes(2);
constexpr size_t kLoopLength = 3;

// splitmix64: spreads (job, retry) evenly over 64 bits.
uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

bool CrashedBeforeAtTheSameStep(const AttemptHistory& history, uint32_t requeued_after) {
  const v1::Attempt& last = history.attempts.back();
  return std::any_of(history.attempts.begin(), history.attempts.end() - 1, [&](const v1::Attempt& attempt) {
    return attempt.number() > requeued_after && attempt.reason() == v1::TRAINER_CRASHED &&
           attempt.last_step() == last.last_step();
  });
}

bool IsCrashLoop(const AttemptHistory& history, uint32_t requeued_after) {
  if (history.attempts.size() < kLoopLength) return false;
  const v1::EndReason reason = history.attempts.back().reason();
  if (RuleFor(reason).budget == RetryBudget::kNone) return false;
  return std::all_of(
      history.attempts.end() - kLoopLength, history.attempts.end(), [&](const v1::Attempt& attempt) {
        return attempt.number() > requeued_after && attempt.reason() == reason &&
               FromProtoTime(attempt.ended()) - FromProtoTime(attempt.leased()) < kShortAttempt;
      });
}

Verdict Failed(const v1::Attempt& attempt, absl::string_view why) {
  Verdict verdict{.state = v1::FAILED, .reason = attempt.reason(), .message = attempt.message()};
  if (!why.empty()) verdict.message = absl::StrCat(verdict.message, verdict.message.empty() ? "" : "; ", why);
  return verdict;
}

Verdict JudgeRetry(const v1::Job& job, const AttemptHistory& history, RetryRule rule, absl::Time now) {
  const v1::Attempt& last = history.attempts.back();
  if (IsCrashLoop(history, job.requeued_after_attempt())) {
    return Failed(last, absl::StrCat("the last ", kLoopLength, " attempts each ended within ",
                                     absl::FormatDuration(kShortAttempt), " for this reason"));
  }
  const v1::RetrySpec& limits = job.spec().retry();
  if (rule.budget == RetryBudget::kUser && job.user_retries() >= limits.user()) {
    return Failed(last, absl::StrCat("exhausted: retry.user is ", limits.user()));
  }
  if (rule.budget == RetryBudget::kInfrastructure &&
      job.infrastructure_retries() >= limits.infrastructure()) {
    return Failed(last, absl::StrCat("exhausted: retry.infrastructure is ", limits.infrastructure()));
  }
  Verdict verdict{
      .state = v1::QUEUED, .reason = last.reason(), .message = last.message(), .charged = rule.budget};
  if (rule.backoff) {
    verdict.not_before = now + RetryBackoff(job.id(), job.user_retries() + job.infrastructure_retries() + 1,
                                            history.first_backoff);
  }
  return verdict;
}

}  // namespace

RetryRule RuleFor(v1::EndReason reason) {
  constexpr RetryRule kFinal{};
  switch (reason) {
    case v1::PREEMPTED:
    case v1::DEVICE_BUSY:
      return {.retried = true};
    case v1::DRAINED:
      return {.retried = true, .worker = NextWorker::kAnother};
    case v1::OOM_HOST:
      return {.retried = true, .budget = RetryBudget::kUser, .backoff = true};
    case v1::DATA_MISSING:
    case v1::DISK_FULL:
    case v1::START_FAILED:
    case v1::TRAINER_STUCK:
    case v1::TRAINER_CRASHED:
      return {true, RetryBudget::kInfrastructure, true, NextWorker::kAnother};
    case v1::CHECKPOINT_CORRUPT:
      return {true, RetryBudget::kInfrastructure, false, NextWorker::kAny};
    case v1::GPU_FAULT:
    case v1::WORKER_LOST:
      return {true, RetryBudget::kInfrastructure, false, NextWorker::kAnother};
    case v1::INTERNAL:
      return {true, RetryBudget::kInfrastructure, true, NextWorker::kAny};
    default:
      return kFinal;
  }
}

v1::EndReason SettledReason(v1::EndReason reported, v1::StopRequest stop) {
  if (reported == v1::COMPLETED) return reported;
  const bool orderly = reported == v1::STOPPED_CANCEL || reported == v1::STOPPED_PAUSE ||
                       reported == v1::PREEMPTED || reported == v1::DRAINED || reported == v1::TIMEOUT ||
                       reported == v1::TRAINER_STUCK || reported == v1::TRAINER_CRASHED;
  switch (stop) {
    case v1::STOP_CANCEL:
      return v1::STOPPED_CANCEL;
    case v1::STOP_PAUSE:
      return v1::STOPPED_PAUSE;
    case v1::STOP_TIMEOUT:
      return v1::TIMEOUT;
    case v1::STOP_STUCK:
      return v1::TRAINER_STUCK;
    case v1::STOP_PREEMPT:
      return orderly ? v1::PREEMPTED : reported;
    case v1::STOP_DRAIN:
      return orderly ? v1::DRAINED : reported;
    default:
      return orderly && reported != v1::TRAINER_CRASHED ? v1::DRAINED : reported;
  }
}

Verdict JudgeAttempt(const v1::Job& job, const AttemptHistory& history, absl::Time now) {
  const v1::Attempt& last = history.attempts.back();
  switch (last.reason()) {
    case v1::COMPLETED:
      return {.state = v1::SUCCEEDED, .reason = v1::COMPLETED, .message = last.message()};
    case v1::STOPPED_CANCEL:
      return {.state = v1::CANCELLED, .reason = v1::STOPPED_CANCEL, .message = last.message()};
    case v1::STOPPED_PAUSE:
      return {.state = v1::PAUSED, .reason = v1::STOPPED_PAUSE, .message = last.message()};
    default:
      break;
  }
  // Lost or drained on the way to a requested stop: the request stands.
  if (job.stop_requested() == v1::STOP_CANCEL) {
    return {.state = v1::CANCELLED, .reason = v1::STOPPED_CANCEL, .message = last.message()};
  }
  if (job.stop_requested() == v1::STOP_PAUSE) {
    return {.state = v1::PAUSED, .reason = v1::STOPPED_PAUSE, .message = last.message()};
  }
  RetryRule rule = RuleFor(last.reason());
  if (last.reason() == v1::TRAINER_CRASHED &&
      CrashedBeforeAtTheSameStep(history, job.requeued_after_attempt())) {
    rule.budget = RetryBudget::kUser;
  }
  if (!rule.retried) return Failed(last, "");
  if (last.reason() == v1::CHECKPOINT_CORRUPT && !history.sound_checkpoint_left) {
    return Failed(last, "no other checkpoint is left; requeue from scratch starts over");
  }
  return JudgeRetry(job, history, rule, now);
}

absl::Duration RetryBackoff(int64_t job_id, uint32_t retry, absl::Duration first) {
  const uint32_t doublings = std::min<uint32_t>(retry == 0 ? 0 : retry - 1, 16);
  const absl::Duration delay = std::min(first * (int64_t{1} << doublings), kLongestBackoff);
  const double unit =
      static_cast<double>(Mix(Mix(static_cast<uint64_t>(job_id)) + retry) >> 11) / (uint64_t{1} << 53);
  return delay * (0.8 + 0.4 * unit);
}

}  // namespace ecgtrain
