// The life of an attempt, inside a transaction: LEASED (to a worker), RUNNING (its trainer has reported),
// ENDED.
//
// Beginning and end of an attempt move its job in the same transaction, so that job, attempt and devices
// never disagree. An ENDED attempt never changes.
#ifndef ECGTRAIN_SERVER_COORDINATOR_ATTEMPT_LIFECYCLE_H_
#define ECGTRAIN_SERVER_COORDINATOR_ATTEMPT_LIFECYCLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "server/coordinator/mutation.h"
#include "server/coordinator/scheduler.h"

namespace ecgtrain {

// Carries out one decision of the scheduler. OK without a change when the job, its dependencies, the worker
// or the devices are not any more what the scheduler saw: the next pass looks again. Cancels the job instead
// when the checkpoint it starts from is gone.
absl::Status LeaseJob(Mutation& mutation, const LeaseDecision& decision);

struct AttemptOutcome {
  v1::EndReason reason = v1::END_REASON_UNSPECIFIED;  // as reported
  std::string message;
  std::string actor;
  uint64_t step = 0;
};
// Ends the live attempt and moves the job as retry_rules.h says; cancels those that depend on a job that
// failed. `job` with its specification; both are updated.
absl::Status EndAttempt(Mutation& mutation, v1::Job& job, v1::Attempt& attempt,
                        const AttemptOutcome& outcome);

// Attributes beside the state, of the live attempt and of its job: the worker has been silent since, or is
// not any more. Stores nothing.
void NoteUnreachable(v1::Job& job, v1::Attempt& attempt, absl::Time since);
void NoteHeard(v1::Job& job, v1::Attempt& attempt);

// Cancels, transitively, the waiting jobs that come after `job`, which has just ended without success.
absl::Status CancelDependents(Mutation& mutation, const v1::Job& job);

// The live attempt that `ref` means. ABORTED with ErrorInfo UNKNOWN_ATTEMPT when the store has no such
// attempt, STALE_TOKEN when it is not the job's current one or has ended.
absl::StatusOr<v1::Attempt> CurrentAttempt(StoreReader& reader, const v1::AttemptRef& ref);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_ATTEMPT_LIFECYCLE_H_
