// What WatchJob, ReadMetrics and ReadLogs send. Each reads by cursor, so that a stream can be taken up again
// without gap or repeat.
#ifndef ECGTRAIN_SERVER_API_FOLLOW_SOURCES_H_
#define ECGTRAIN_SERVER_API_FOLLOW_SOURCES_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/api/follow_stream.h"
#include "server/coordinator/coordinator.h"

namespace ecgtrain {

// Errors as the RPCs': NOT_FOUND for the job or attempt, INVALID_ARGUMENT.
absl::StatusOr<std::unique_ptr<FollowSource<v1::WatchJobResponse>>> MakeWatchSource(
    Coordinator& coordinator, const std::string& user, const v1::WatchJobRequest& request);
absl::StatusOr<std::unique_ptr<FollowSource<v1::ReadMetricsResponse>>> MakeMetricsSource(
    Coordinator& coordinator, const std::string& user, const v1::ReadMetricsRequest& request);
absl::StatusOr<std::unique_ptr<FollowSource<v1::ReadLogsResponse>>> MakeLogSource(
    Coordinator& coordinator, const std::string& user, const v1::ReadLogsRequest& request);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_FOLLOW_SOURCES_H_
