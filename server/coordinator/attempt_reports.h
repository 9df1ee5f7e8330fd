// What workers report of attempts: events, log bytes, and the end.
#ifndef ECGTRAIN_SERVER_COORDINATOR_ATTEMPT_REPORTS_H_
#define ECGTRAIN_SERVER_COORDINATOR_ATTEMPT_REPORTS_H_

#include "ecgtrain/v1/worker_service.pb.h"
#include "server/coordinator/mutation.h"

namespace ecgtrain {

// Limits of one report and of one attempt. Excess is INVALID_ARGUMENT or RESOURCE_EXHAUSTED naming the limit.
inline constexpr int kMostEventsInReport = 10'000;
inline constexpr size_t kLongestMessage = 64 << 10;
inline constexpr int kMostMetricNames = 256;
inline constexpr int kMostFilesInCheckpoint = 64;
inline constexpr uint64_t kLargestArtifact = uint64_t{16} << 30;
inline constexpr uint64_t kLargestLog = uint64_t{2} << 30;

// Events with a number not above the acknowledged one, and log bytes below the acknowledged offset, are
// ignored; a gap is OUT_OF_RANGE. ABORTED for a stale token. Thread-safe.
void ReportEvents(MutationRunner& runner, const v1::ReportEventsRequest& request,
                  Reply<v1::ReportEventsResponse> reply);

// Repeated: the same answer, also when the job has moved on. ABORTED for a stale token. Thread-safe.
void FinishAttempt(MutationRunner& runner, const v1::FinishAttemptRequest& request,
                   Reply<v1::FinishAttemptResponse> reply);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_ATTEMPT_REPORTS_H_
