// What an attempt needs before its trainer can start.
#ifndef ECGTRAIN_WORKER_AGENT_PREPARATION_H_
#define ECGTRAIN_WORKER_AGENT_PREPARATION_H_

#include "absl/status/statusor.h"
#include "client/cancellation.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "worker/agent/attempt_directory.h"
#include "worker/agent/runner_services.h"

namespace ecgtrain {

// Fetches the inputs, makes the pack (whose messages go to `log_fd`) and writes spec.json, which is returned.
// Errors carry an ErrorInfo whose reason is the EndReason of the attempt, START_FAILED without one; ABORTED
// for a stale token, CANCELLED when `stop` came first.
absl::StatusOr<TrainerSpec> PrepareAttempt(const RunnerServices& services, const v1::Assignment& assignment,
                                           const AttemptDirectory& directory, int log_fd, Cancellation& stop);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_PREPARATION_H_
