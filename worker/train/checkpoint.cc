#include "worker/train/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/tensor_file.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr int kManifestFormat = 1;
constexpr const char* kFiles[] = {run_directory::kModelFile, run_directory::kOptimizerFile,
                                  run_directory::kStateFile};
constexpr char kTemporaryPrefix[] = ".tmp-";
constexpr char kSelfDigest[] = "sha256";  // of the manifest itself, as it is without this member

absl::Status Damaged(const Path& path, absl::string_view finding) {
  return absl::DataLossError(absl::StrCat("checkpoint file ", path.string(), ": ", finding));
}

Path TemporaryName(const Path& folder) { return folder / absl::StrCat(kTemporaryPrefix, NewUuid()); }

std::string JsonText(const Json& content) { return absl::StrCat(content.dump(1), "\n"); }

absl::StatusOr<CheckpointFile> WriteJsonFile(const Path& folder, const char* name, const Json& content) {
  const std::string text = JsonText(content);
  RETURN_IF_ERROR(WriteFileDurably(folder / name, text));
  return CheckpointFile{name, text.size(), Sha256Hex(text)};
}

absl::StatusOr<std::vector<CheckpointFile>> WriteFiles(const Path& folder, const Checkpoint& checkpoint) {
  std::vector<CheckpointFile> files;
  ASSIGN_OR_RETURN(const FileDigest model,
                   WriteTensorFile(folder / run_directory::kModelFile, checkpoint.model));
  files.push_back({run_directory::kModelFile, model.size, model.sha256});
  ASSIGN_OR_RETURN(const FileDigest optimizer,
                   WriteTensorFile(folder / run_directory::kOptimizerFile, checkpoint.optimizer));
  files.push_back({run_directory::kOptimizerFile, optimizer.size, optimizer.sha256});
  ASSIGN_OR_RETURN(files.emplace_back(), WriteJsonFile(folder, run_directory::kStateFile, checkpoint.state));
  if (checkpoint.seen.has_value()) {
    ASSIGN_OR_RETURN(const FileDigest seen,
                     WritePatientKeys(folder / run_directory::kSeenFile, *checkpoint.seen));
    files.push_back({run_directory::kSeenFile, seen.size, seen.sha256});
  }
  Json manifest = checkpoint.manifest;
  manifest.erase(kSelfDigest);
  manifest["format"] = kManifestFormat;
  manifest["files"] = Json::array();
  for (const CheckpointFile& file : files) {
    manifest["files"].push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  }
  manifest[kSelfDigest] = Sha256Hex(JsonText(manifest));
  ASSIGN_OR_RETURN(files.emplace_back(), WriteJsonFile(folder, run_directory::kManifestFile, manifest));
  return files;
}

// The rename that makes the checkpoint visible. An older one of the same step goes in the same instant.
absl::Status MoveIntoPlace(const Path& temporary, const Path& target) {
  if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) {
    std::error_code ignored;  // swept at the next start
    std::filesystem::remove_all(temporary, ignored);
    return SyncPath(target.parent_path());
  }
  if (errno != ENOENT) return FileError(errno, "rename", temporary);
  return RenameDurably(temporary, target);
}

absl::StatusOr<CheckpointFile> ParseFileEntry(const Path& path, const Json& entry) {
  if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string() ||
      !entry.contains("size") || !entry["size"].is_number_unsigned() || !entry.contains("sha256") ||
      !entry["sha256"].is_string()) {
    return Damaged(path, "an entry of `files` is not {name, size, sha256}");
  }
  return CheckpointFile{entry["name"], entry["size"], entry["sha256"]};
}

bool IsFileOfCheckpoint(const std::string& name) {
  return std::find(std::begin(kFiles), std::end(kFiles), name) != std::end(kFiles) ||
         name == run_directory::kSeenFile;
}

// The names of the files that the manifest lists, all of them as it says.
absl::StatusOr<std::set<std::string>> VerifyFiles(const Path& folder, const Json& manifest) {
  std::set<std::string> names;
  for (const Json& entry : manifest["files"]) {
    ASSIGN_OR_RETURN(const CheckpointFile file, ParseFileEntry(folder / run_directory::kManifestFile, entry));
    names.insert(file.name);
    if (!IsFileOfCheckpoint(file.name)) {
      return Damaged(folder / run_directory::kManifestFile, absl::StrCat("unknown file \"", file.name, "\""));
    }
    const Path path = folder / file.name;
    ASSIGN_OR_RETURN(const FileDigest digest, DigestFile(path), Damaged(path, _.message()));
    if (digest.size != file.size || digest.sha256 != file.sha256) {
      return Damaged(path, absl::StrCat("holds ", digest.size, " bytes with SHA-256 ", digest.sha256,
                                        "; the manifest says ", file.size, " bytes with ", file.sha256));
    }
  }
  for (const char* name : kFiles) {
    if (!names.contains(name))
      return Damaged(folder / run_directory::kManifestFile, absl::StrCat("does not list ", name));
  }
  return names;
}

absl::StatusOr<Json> ReadJsonFile(const Path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path),
                   _.code() == absl::StatusCode::kNotFound ? _ : Damaged(path, _.message()));
  ASSIGN_OR_RETURN(Json json, ParseJson(text, "content"), Damaged(path, _.message()));
  // Byte for byte as it was written: a change that JSON does not care about is still one.
  if (!json.is_object() || JsonText(json) != text) return Damaged(path, "not as it was written");
  return json;
}

}  // namespace

absl::StatusOr<std::vector<CheckpointFile>> WriteCheckpoint(const Path& folder,
                                                            const Checkpoint& checkpoint) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  const Path temporary = TemporaryName(folder);
  RETURN_IF_ERROR(MakeDirectories(temporary));
  absl::Cleanup remove = [&temporary] {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
  };
  ASSIGN_OR_RETURN(std::vector<CheckpointFile> files, WriteFiles(temporary, checkpoint));
  RETURN_IF_ERROR(SyncPath(temporary));
  const uint64_t step = checkpoint.manifest.at("step").get<uint64_t>();
  RETURN_IF_ERROR(MoveIntoPlace(temporary, folder / run_directory::CheckpointName(step)));
  std::move(remove).Cancel();
  return files;
}

absl::StatusOr<Json> ReadManifest(const Path& folder) {
  const Path path = folder / run_directory::kManifestFile;
  ASSIGN_OR_RETURN(Json manifest, ReadJsonFile(path));
  if (!manifest.contains("format") || manifest["format"] != kManifestFormat) {
    return Damaged(path, absl::StrCat("its format is not ", kManifestFormat));
  }
  Json unsigned_manifest = manifest;
  unsigned_manifest.erase(kSelfDigest);
  if (!manifest.contains(kSelfDigest) || manifest[kSelfDigest] != Sha256Hex(JsonText(unsigned_manifest))) {
    return Damaged(path, "does not fit its own SHA-256");
  }
  if (!manifest.contains("step") || !manifest["step"].is_number_unsigned() || !manifest.contains("files") ||
      !manifest["files"].is_array() || !manifest.contains("model") || !manifest["model"].is_object() ||
      !manifest.contains("task") || !manifest["task"].is_string()) {
    return Damaged(path, "step, files, model or task is missing or of another type");
  }
  return manifest;
}

absl::StatusOr<Checkpoint> ReadCheckpoint(const Path& folder) {
  Checkpoint checkpoint;
  ASSIGN_OR_RETURN(checkpoint.manifest, ReadManifest(folder));
  ASSIGN_OR_RETURN(const std::set<std::string> files, VerifyFiles(folder, checkpoint.manifest));
  ASSIGN_OR_RETURN(checkpoint.model, ReadTensorFile(folder / run_directory::kModelFile));
  ASSIGN_OR_RETURN(checkpoint.optimizer, ReadTensorFile(folder / run_directory::kOptimizerFile));
  ASSIGN_OR_RETURN(checkpoint.state, ReadJsonFile(folder / run_directory::kStateFile));
  if (files.contains(run_directory::kSeenFile)) {
    ASSIGN_OR_RETURN(checkpoint.seen, ReadPatientKeys(folder / run_directory::kSeenFile));
  }
  return checkpoint;
}

std::vector<uint64_t> ListCheckpoints(const Path& folder) {
  std::vector<uint64_t> steps;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const auto step = run_directory::CheckpointStep(entry.path().filename().string());
    if (step.has_value()) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end(), std::greater<>());
  return steps;
}

absl::Status RemoveUnfinished(const Path& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!absl::StartsWith(entry.path().filename().string(), kTemporaryPrefix)) continue;
    std::filesystem::remove_all(entry.path(), error);
    if (error) return FileError(error.value(), "remove", entry.path());
  }
  return absl::OkStatus();
}

absl::Status SetCheckpointAside(const Path& folder, uint64_t step) {
  const std::string name = run_directory::CheckpointName(step);
  const Path target = folder / absl::StrCat(run_directory::kCorruptPrefix, name);
  std::error_code error;
  std::filesystem::remove_all(target, error);
  if (error) return FileError(error.value(), "remove", target);
  return RenameDurably(folder / name, target);
}

bool HoldsCheckpointSetAside(const Path& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (absl::StartsWith(entry.path().filename().string(), run_directory::kCorruptPrefix)) return true;
  }
  return false;
}

absl::Status RemoveCheckpoint(const Path& folder, uint64_t step) {
  const Path temporary = TemporaryName(folder);
  const absl::Status renamed = RenameDurably(folder / run_directory::CheckpointName(step), temporary);
  if (absl::IsNotFound(renamed)) return absl::OkStatus();
  RETURN_IF_ERROR(renamed);
  std::error_code error;
  std::filesystem::remove_all(temporary, error);
  return error ? FileError(error.value(), "remove", temporary) : absl::OkStatus();
}

}  // namespace ecgtrain
