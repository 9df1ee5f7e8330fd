// Checkpoints that an attempt starts from: into its inputs/ folder.
#ifndef ECGTRAIN_WORKER_AGENT_INPUT_FETCHER_H_
#define ECGTRAIN_WORKER_AGENT_INPUT_FETCHER_H_

#include <filesystem>

#include "absl/status/status.h"
#include "client/cancellation.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "worker/agent/coordinator_link.h"

namespace ecgtrain {

// Puts the files of `checkpoint` into `folder`, whole and with the right digests: hard links where a run
// directory under `attempts` still has them, else downloads, which go on where they were cut for as long as
// `stop` lets them. Errors carry an ErrorInfo whose reason is the EndReason of the attempt:
// CHECKPOINT_CORRUPT, DISK_FULL or START_FAILED. ABORTED for a stale token, CANCELLED when `stop` came first.
absl::Status FetchCheckpoint(CoordinatorLink& link, const v1::AttemptRef& attempt,
                             const v1::Checkpoint& checkpoint, const std::filesystem::path& folder,
                             const std::filesystem::path& attempts, Cancellation& stop);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_INPUT_FETCHER_H_
