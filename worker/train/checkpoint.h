// Checkpoint folders: written so that a crash at any instant leaves the older ones usable, and read only when
// every byte is what the manifest says (docs/run-directory.md).
#ifndef ECGTRAIN_WORKER_TRAIN_CHECKPOINT_H_
#define ECGTRAIN_WORKER_TRAIN_CHECKPOINT_H_

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/model/weights.h"
#include "worker/train/seen.h"

namespace ecgtrain {

struct Checkpoint {
  std::vector<NamedTensor> model;
  std::vector<NamedTensor> optimizer;
  nlohmann::json state;  // state.json
  // seen.safetensors; nothing where that is unknown: in a checkpoint of an earlier program, or of one that
  // started from such.
  std::optional<PatientKeys> seen;
  nlohmann::json manifest;  // manifest.json; `format` and `files` are the writer's business
};

struct CheckpointFile {
  std::string name;
  uint64_t size = 0;
  std::string sha256;
};

// Writes `checkpoint` to `folder`/step-N, N being the manifest's `step`, replacing one of that name in one
// step. Durable on return. RESOURCE_EXHAUSTED on a full disk, leaving nothing behind; errors of
// common/durable_file.h.
absl::StatusOr<std::vector<CheckpointFile>> WriteCheckpoint(const std::filesystem::path& folder,
                                                            const Checkpoint& checkpoint);

// Reads and verifies one checkpoint folder. NOT_FOUND where there is none; DATA_LOSS naming the file and the
// finding otherwise.
absl::StatusOr<Checkpoint> ReadCheckpoint(const std::filesystem::path& folder);

// The manifest alone, its form checked. Errors as ReadCheckpoint.
absl::StatusOr<nlohmann::json> ReadManifest(const std::filesystem::path& folder);

// Steps of the checkpoint folders in `folder`, newest first; none where the folder is absent.
std::vector<uint64_t> ListCheckpoints(const std::filesystem::path& folder);

// Removes what interrupted writers left in `folder`.
absl::Status RemoveUnfinished(const std::filesystem::path& folder);

// Sets a damaged checkpoint aside as corrupt-step-N, for a person to look at: nothing lists or loads it any
// more. Replaces one of that name. Errors of common/durable_file.h.
absl::Status SetCheckpointAside(const std::filesystem::path& folder, uint64_t step);

// Whether `folder` holds a checkpoint that was set aside.
bool HoldsCheckpointSetAside(const std::filesystem::path& folder);

// Removes one checkpoint, unless it is gone already; a crash leaves it whole or gone, never damaged.
absl::Status RemoveCheckpoint(const std::filesystem::path& folder, uint64_t step);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_CHECKPOINT_H_
