// Names and codes of the run directory (docs/run-directory.md), shared by both sides of it: ecg-worker, which
// never sees LibTorch, and ecg-trainer, which never sees gRPC.
#ifndef ECGTRAIN_WORKER_RUN_DIRECTORY_RUN_DIRECTORY_H_
#define ECGTRAIN_WORKER_RUN_DIRECTORY_RUN_DIRECTORY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace ecgtrain::run_directory {

inline constexpr int kFormat = 1;
inline constexpr size_t kMaxEventBytes = 64 << 10;

inline constexpr char kSpecFile[] = "spec.json";
inline constexpr char kEventsFile[] = "events.jsonl";
inline constexpr char kLogFile[] = "trainer.log";
inline constexpr char kExitFile[] = "exit.json";
inline constexpr char kCursorFile[] = "cursor.json";
inline constexpr char kProcessFile[] = "process.json";
inline constexpr char kCheckpointsFolder[] = "checkpoints";
inline constexpr char kArtifactsFolder[] = "artifacts";
inline constexpr char kParentFolder[] = "inputs/parent";
inline constexpr char kResumeFolder[] = "inputs/resume";

// Before the name of a checkpoint folder that was set aside for being damaged.
inline constexpr char kCorruptPrefix[] = "corrupt-";

// Files of one checkpoint folder.
inline constexpr char kModelFile[] = "model.safetensors";
inline constexpr char kOptimizerFile[] = "optimizer.safetensors";
inline constexpr char kStateFile[] = "state.json";
inline constexpr char kSeenFile[] = "seen.safetensors";
inline constexpr char kManifestFile[] = "manifest.json";

// "step-000001200".
std::string CheckpointName(uint64_t step);
// The step of such a name; nullopt for any other name.
std::optional<uint64_t> CheckpointStep(absl::string_view name);

// Why a trainer ended, as it says itself; the numbers are its exit codes.
enum class ExitReason {
  kCompleted = 0,
  kStopped = 10,
  kUserError = 20,
  kNonFinite = 21,
  kOomGpu = 22,
  kDataMissing = 23,
  kDataCorrupt = 24,
  kCheckpointCorrupt = 25,
  kDiskFull = 26,
  kGpuFault = 27,
  kDeviceBusy = 28,
  kDataChanged = 29,
  kLeaky = 30,
  kInternal = 70,
};

// "COMPLETED", "USER_ERROR", ...
absl::string_view ExitReasonName(ExitReason reason);
std::optional<ExitReason> ExitReasonFromName(absl::string_view name);
std::optional<ExitReason> ExitReasonFromCode(int code);

}  // namespace ecgtrain::run_directory

#endif  // ECGTRAIN_WORKER_RUN_DIRECTORY_RUN_DIRECTORY_H_
