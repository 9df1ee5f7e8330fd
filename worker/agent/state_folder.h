// The folder in which a worker keeps what must survive it.
#ifndef ECGTRAIN_WORKER_AGENT_STATE_FOLDER_H_
#define ECGTRAIN_WORKER_AGENT_STATE_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "common/unique_fd.h"
#include "worker/agent/attempt_directory.h"

namespace ecgtrain {

// Made where it is not there. The folder is the caller's for as long as the descriptor is open;
// FAILED_PRECONDITION while another process has it. A trainer does not inherit it.
absl::StatusOr<UniqueFd> TakeStateFolder(const std::filesystem::path& folder);

// True when the coordinator has acknowledged the end of the attempt.
bool IsFinished(const AttemptDirectory& directory);

// The run directories under `attempts` whose trainers run or have run and are not finished. Removes those
// that were prepared but never started: nothing is lost with them, and the coordinator orders the start
// again.
absl::StatusOr<std::vector<AttemptDirectory>> FindUnfinishedAttempts(const std::filesystem::path& attempts);

// Free to this user; 0 when the system does not tell.
uint64_t FreeBytes(const std::filesystem::path& folder);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_STATE_FOLDER_H_
