// A checkpoint's files on the user's disk: resumed where an earlier download stopped, and verified.
#ifndef ECGTRAIN_CLIENT_DOWNLOAD_H_
#define ECGTRAIN_CLIENT_DOWNLOAD_H_

#include <cstdint>
#include <filesystem>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/training_client.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

struct DownloadOptions {
  // Allows a folder that holds other files.
  bool force = false;
  // After each chunk; may be empty.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> on_progress;
};

struct DownloadResult {
  uint64_t transferred_bytes = 0;
  // Bytes that were there already, verified.
  uint64_t reused_bytes = 0;
};

// Puts all files of `checkpoint` into `folder` (made where absent), and checkpoint.json: what they are, as
// the API's message. A file grows as NAME.part and gets its name only when its digest is right.
// FAILED_PRECONDITION for a folder with files of something else, or a checkpoint that is not stored;
// DATA_LOSS when a digest is wrong (the part is deleted); otherwise as durable_file.h and
// TrainingClient::ReadArtifact.
absl::StatusOr<DownloadResult> DownloadCheckpoint(TrainingClient& client, const v1::Checkpoint& checkpoint,
                                                  const std::filesystem::path& folder,
                                                  const DownloadOptions& options);

// The checkpoint that `selector` ("best", "last" or "step:N") means. NOT_FOUND, naming what there is;
// INVALID_ARGUMENT for another selector.
absl::StatusOr<v1::Checkpoint> SelectCheckpoint(const v1::ListCheckpointsResponse& checkpoints,
                                                absl::string_view selector);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_DOWNLOAD_H_
