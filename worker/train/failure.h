// Why a trainer fails, carried by an absl::Status from where it is known to exit.json.
#ifndef ECGTRAIN_WORKER_TRAIN_FAILURE_H_
#define ECGTRAIN_WORKER_TRAIN_FAILURE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {

// A status of that reason.
absl::Status Failure(run_directory::ExitReason reason, absl::string_view message);

// `status` with that reason, unless it has one; OK stays OK.
absl::Status WithReason(const absl::Status& status, run_directory::ExitReason reason);

// The reason of a failed status; without one RESOURCE_EXHAUSTED is a full disk, the rest internal.
run_directory::ExitReason ReasonOf(const absl::Status& status);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_FAILURE_H_
