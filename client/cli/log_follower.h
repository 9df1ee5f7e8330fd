// A job's log on standard output, over attempts and cut connections.
#ifndef ECGTRAIN_CLIENT_CLI_LOG_FOLLOWER_H_
#define ECGTRAIN_CLIENT_CLI_LOG_FOLLOWER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/session.h"

namespace ecgtrain {

struct LogOptions {
  bool follow = false;
  // 0: the last one, and with `follow` those after it until the job has ended.
  uint32_t attempt = 0;
  std::optional<uint64_t> tail_lines;
};

// kDone only when the log has been printed to its end. FAILED_PRECONDITION for a job without an attempt,
// unless it follows.
absl::StatusOr<ExitCode> ShowLogs(Session& session, const std::string& job, const LogOptions& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_LOG_FOLLOWER_H_
