// Several jobs on one screen.
#ifndef ECGTRAIN_CLIENT_CLI_JOB_BOARD_H_
#define ECGTRAIN_CLIENT_CLI_JOB_BOARD_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/session.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

struct BoardOptions {
  absl::Duration max_wait = absl::InfiniteDuration();
  // Asked before each look at the jobs; an error ends the following. May be empty.
  std::function<absl::Status()> check;
};

// Asks for the jobs every second and shows their progress, until all have ended: their last states, in the
// given order. DEADLINE_EXCEEDED after max_wait, CANCELLED on Ctrl-C.
absl::StatusOr<std::vector<v1::Job>> ShowJobsUntilEnded(Session& session, TrainingClient& client,
                                                        const std::vector<std::string>& jobs,
                                                        const BoardOptions& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_JOB_BOARD_H_
