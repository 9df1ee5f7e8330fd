// SubmitJobs and ValidateJobs. Thread-safe functions.
#ifndef ECGTRAIN_SERVER_COORDINATOR_SUBMISSION_H_
#define ECGTRAIN_SERVER_COORDINATOR_SUBMISSION_H_

#include <string>

#include "absl/status/statusor.h"
#include "ecgtrain/v1/training_service.pb.h"
#include "server/coordinator/leases.h"
#include "server/coordinator/mutation.h"

namespace ecgtrain {

// Specifications are resolved on the calling thread, rows are written in one transaction. Errors as the
// RPC's, given to `reply`.
void SubmitJobs(MutationRunner& runner, const std::string& user, const v1::SubmitJobsRequest& request,
                Reply<v1::SubmitJobsResponse> reply);

// Errors are the store's, and INVALID_ARGUMENT for a batch that is too large.
absl::StatusOr<v1::ValidateJobsResponse> ValidateJobs(StoreReader& reader, const Leases& leases,
                                                      absl::Time now, const v1::ValidateJobsRequest& request);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_SUBMISSION_H_
