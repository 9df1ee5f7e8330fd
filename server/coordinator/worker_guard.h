// Stops a worker that fails one job after the other (F22).
#ifndef ECGTRAIN_SERVER_COORDINATOR_WORKER_GUARD_H_
#define ECGTRAIN_SERVER_COORDINATOR_WORKER_GUARD_H_

#include "absl/status/status.h"
#include "ecgtrain/v1/job.pb.h"
#include "server/coordinator/mutation.h"

namespace ecgtrain {

// Cordons the worker of `attempt`, which has just ended, when attempts of three different jobs have ended
// there with START_FAILED or TRAINER_CRASHED within 30 minutes, since it registered and since a cordon was
// last lifted. The reason is shown with the worker; UpdateWorker lifts it. Errors are the store's.
absl::Status CordonIfFailing(Mutation& mutation, const v1::Attempt& attempt);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_WORKER_GUARD_H_
