// Staying with jobs until they end.
#ifndef ECGTRAIN_CLIENT_CLI_FOLLOWING_H_
#define ECGTRAIN_CLIENT_CLI_FOLLOWING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/session.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

// What is printed meanwhile.
enum class FollowStyle {
  kProgress,  // events and progress
  kSilent,    // notices on standard error only
};

// Follows one job to its end and returns its exit code; kWaitOver after `max_wait`; kInterrupted, having said
// how to come back, on Ctrl-C, which never stops a job.
absl::StatusOr<ExitCode> FollowJob(Session& session, const std::string& job, FollowStyle style,
                                   absl::Duration max_wait = absl::InfiniteDuration());

// Several jobs; their progress on one screen. The first exit code, in the given order, that is not kDone.
absl::StatusOr<ExitCode> FollowJobs(Session& session, const std::vector<std::string>& jobs, FollowStyle style,
                                    absl::Duration max_wait = absl::InfiniteDuration());

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_FOLLOWING_H_
