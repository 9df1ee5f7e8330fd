// What a trainer event may hold. Workers and trainers are peers like any other: nothing is stored unchecked.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "server/coordinator/attempt_reports.h"
#include "server/coordinator/trainer_events.h"

namespace ecgtrain {
namespace {

constexpr size_t kLongestName = 128;
constexpr int kMostValues = 256;

absl::Status Bad(const v1::TrainerEvent& event, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("event ", event.seq(), ": ", what));
}

// Letters, digits, '.', '_' and '-', no leading dot.
bool IsFileName(absl::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; });
}

// File names joined by '/': metric names and artifact paths.
bool IsPath(absl::string_view path) {
  if (path.size() > kLongestName) return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  return std::all_of(parts.begin(), parts.end(), IsFileName);
}

bool IsFile(const v1::ArtifactFile& file) {
  return IsFileName(file.name()) && IsSha256Hex(file.sha256()) && file.size() <= kLargestArtifact;
}

bool AreValues(const google::protobuf::Map<std::string, double>& values) {
  return values.size() <= kMostValues &&
         std::all_of(values.begin(), values.end(), [](const auto& entry) { return IsPath(entry.first); });
}

absl::Status CheckCheckpoint(const v1::TrainerEvent& event) {
  const v1::CheckpointEvent& checkpoint = event.checkpoint();
  if (!IsFileName(checkpoint.name())) return Bad(event, "the name of the checkpoint is no file name");
  if (checkpoint.files().empty() || checkpoint.files_size() > kMostFilesInCheckpoint) {
    return Bad(event, absl::StrCat("a checkpoint has 1 to ", kMostFilesInCheckpoint, " files"));
  }
  if (!std::all_of(checkpoint.files().begin(), checkpoint.files().end(), IsFile)) {
    return Bad(event, "a file of the checkpoint has a bad name, digest or size");
  }
  if (!checkpoint.metric_name().empty() && !IsPath(checkpoint.metric_name()))
    return Bad(event, "bad metric name");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTrainerEvent(const v1::TrainerEvent& event) {
  if (event.ByteSizeLong() > kLongestMessage)
    return Bad(event, absl::StrCat("over ", kLongestMessage, " bytes"));
  if (!(event.time() >= 0 && event.time() < 1e11)) return Bad(event, "its time is no Unix time in seconds");
  switch (event.event_case()) {
    case v1::TrainerEvent::kCheckpoint:
      return CheckCheckpoint(event);
    case v1::TrainerEvent::kCheckpointRemoved:
      if (!IsFileName(event.checkpoint_removed().name()))
        return Bad(event, "the name of the checkpoint is no file name");
      return absl::OkStatus();
    case v1::TrainerEvent::kArtifact:
      if (!IsPath(event.artifact().path()) || !IsFile(event.artifact().file())) {
        return Bad(event, "the artifact has a bad path, name, digest or size");
      }
      return absl::OkStatus();
    case v1::TrainerEvent::kMetrics:
      if (!AreValues(event.metrics().values()))
        return Bad(event, absl::StrCat("bad metric name, or over ", kMostValues));
      return absl::OkStatus();
    case v1::TrainerEvent::kResult:
      if (!AreValues(event.result().values()))
        return Bad(event, absl::StrCat("bad value name, or over ", kMostValues));
      return absl::OkStatus();
    case v1::TrainerEvent::EVENT_NOT_SET:
      return Bad(event, "of no known type");
    default:
      return absl::OkStatus();
  }
}

}  // namespace ecgtrain
