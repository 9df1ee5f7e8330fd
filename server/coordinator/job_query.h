// Reads for people: jobs by reference, with the reason why they wait.
#ifndef ECGTRAIN_SERVER_COORDINATOR_JOB_QUERY_H_
#define ECGTRAIN_SERVER_COORDINATOR_JOB_QUERY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coordinator/explanations.h"
#include "server/coordinator/leases.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// The number of the job that "42", "job/42", a unique name or "@last" (of `user`) means. INVALID_ARGUMENT for
// another form, or for a name that several jobs have (they are listed); NOT_FOUND.
absl::StatusOr<int64_t> FindJob(StoreReader& reader, absl::string_view reference, absl::string_view user);

// GetJob and ListJobs. Errors as the RPCs'.
absl::StatusOr<v1::GetJobResponse> DescribeJob(StoreReader& reader, const v1::GetJobRequest& request,
                                               absl::string_view user,
                                               const Explanations::Question& explanations);
absl::StatusOr<v1::ListJobsResponse> ListJobs(StoreReader& reader, const v1::ListJobsRequest& request,
                                              absl::string_view user,
                                              const Explanations::Question& explanations);

// Checkpoints newest step first, best and last marked, and artifacts.
absl::StatusOr<v1::ListCheckpointsResponse> ListCheckpoints(StoreReader& reader, absl::string_view reference,
                                                            absl::string_view user);

// Workers with what is not in their rows: live attempts, last heartbeat.
absl::StatusOr<std::vector<v1::Worker>> DescribeWorkers(StoreReader& reader, const Leases& leases);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_JOB_QUERY_H_
