// What becomes of a job when one of its attempts has ended: the table of docs/ARCHITECTURE.md as code.
//
// Two budgets, counted since submit or requeue: `retry.user` for faults of the job, `retry.infrastructure`
// for faults of everything else, so that a bad night of the machines never uses up what the user allowed.
#ifndef ECGTRAIN_SERVER_COORDINATOR_RETRY_RULES_H_
#define ECGTRAIN_SERVER_COORDINATOR_RETRY_RULES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

enum class RetryBudget { kNone, kUser, kInfrastructure };
enum class NextWorker { kAny, kAnother };

// One row of the table.
struct RetryRule {
  bool retried = false;
  RetryBudget budget = RetryBudget::kNone;
  bool backoff = false;  // doubling up to 10 min, +-20 %
  NextWorker worker = NextWorker::kAny;
};
RetryRule RuleFor(v1::EndReason reason);

// The reason that the store keeps: a requested stop explains an end by whatever signal or code, and an
// orderly end that nobody asked for is a drain. COMPLETED stays COMPLETED: the work is done.
v1::EndReason SettledReason(v1::EndReason reported, v1::StopRequest stop);

struct Verdict {
  v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
  v1::EndReason reason = v1::END_REASON_UNSPECIFIED;
  std::string message;
  RetryBudget charged = RetryBudget::kNone;
  std::optional<absl::Time> not_before;
};

struct AttemptHistory {
  // All attempts of the job; the last one has just ended with its settled reason.
  std::vector<v1::Attempt> attempts;
  // Whether the job could start again without a checkpoint that proved corrupt.
  bool sound_checkpoint_left = true;
  // Before the first retry.
  absl::Duration first_backoff = absl::Seconds(15);
};

// `job` with its specification, before the change. Pure.
Verdict JudgeAttempt(const v1::Job& job, const AttemptHistory& history, absl::Time now);

// Delay before retry number `retry` (from 1) of `job_id`, `first` doubled each time: the same for the same
// arguments.
absl::Duration RetryBackoff(int64_t job_id, uint32_t retry, absl::Duration first = absl::Seconds(15));

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_RETRY_RULES_H_
