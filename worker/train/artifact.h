// Files that a run leaves besides its checkpoints: artifacts/ of the run directory. No LibTorch here.
#ifndef ECGTRAIN_WORKER_TRAIN_ARTIFACT_H_
#define ECGTRAIN_WORKER_TRAIN_ARTIFACT_H_

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/train/events.h"

namespace ecgtrain {

// Writes artifacts/`name` durably and announces it. Errors of common/durable_file.h.
absl::Status WriteArtifact(const std::filesystem::path& run_folder, EventSink& events,
                           const std::string& name, absl::string_view kind, absl::string_view content);

// A field of a CSV line, quoted where it has to be (RFC 4180).
std::string CsvField(absl::string_view text);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_ARTIFACT_H_
