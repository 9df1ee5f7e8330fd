// The life of a job: which state may follow which, and the one function that moves a job.
//
//            submit                    lease (1)                  end of attempt
// (client) ---------> QUEUED ------------------------> RUNNING -----------------------> SUCCEEDED (5)
//                      ^  ^ \                           |  |  \--- retryable (2) ----> QUEUED
//          submit      |  |  \-- pause --> PAUSED <-----/  |------ final reason -----> FAILED (6)
//          (hold) -----|--|-----------------^ |  (pause,4) \------ cancel -----------> CANCELLED (7)
//                      |  \---- resume -------/--- cancel (3) -----------------------> CANCELLED
//                      \-- requeue (8) -- SUCCEEDED | FAILED | CANCELLED
//
// (1) with a new attempt; (2) retry_rules.h decides; (3) also straight from QUEUED, by a person or because a
// job it depends on cannot succeed any more; (4) once the trainer has ended; (5)-(7) leave only by (8).
#ifndef ECGTRAIN_SERVER_COORDINATOR_JOB_LIFECYCLE_H_
#define ECGTRAIN_SERVER_COORDINATOR_JOB_LIFECYCLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ecgtrain/v1/job.pb.h"
#include "server/coordinator/mutation.h"

namespace ecgtrain {

// SUCCEEDED, FAILED or CANCELLED.
bool IsEnded(v1::JobState state);

// Whether the picture has an edge. JOB_STATE_UNSPECIFIED stands for a job that is being submitted.
bool IsAllowedTransition(v1::JobState from, v1::JobState to);

// "job/17 is SUCCEEDED; requeue is possible", as FAILED_PRECONDITION.
absl::Status WrongState(const v1::Job& job, absl::string_view wanted);

struct Change {
  v1::JobState to = v1::JOB_STATE_UNSPECIFIED;
  std::string event;  // JobEvent.type
  std::string actor;  // JobEvent.actor
  v1::EndReason reason = v1::END_REASON_UNSPECIFIED;
  std::string message;
  uint32_t attempt = 0;
};

// Moves the job: row and event, nothing else. The caller may have changed other fields of `job` before: they
// are written with it. FAILED_PRECONDITION for an edge that is not in the picture.
absl::Status TransitionJob(Mutation& mutation, v1::Job& job, const Change& change);

// What must hold of a job and its attempts between any two transactions, whatever moved them: checked after
// each one where assertions are on. INTERNAL names the job and what is broken.
absl::Status CheckInvariants(StoreReader& reader, int64_t job_id);

// An event without a transition; wakes the job's watchers.
absl::Status RecordEvent(Mutation& mutation, const v1::Job& job, const Change& change);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_JOB_LIFECYCLE_H_
