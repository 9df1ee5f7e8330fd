#include "client/download.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <set>
#include <string>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace ecgtrain {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kDescription = "checkpoint.json";
constexpr absl::string_view kPartSuffix = ".part";

// The server is not trusted with paths.
absl::Status CheckFile(const v1::ArtifactFile& file) {
  const std::string& name = file.name();
  const bool plain = !name.empty() && name.size() <= 128 && name[0] != '.' &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
                     });
  if (!plain || name == kDescription || !IsSha256Hex(file.sha256())) {
    return absl::DataLossError("the server names a file that cannot be one of a checkpoint");
  }
  return absl::OkStatus();
}

absl::Status CheckFolder(const v1::Checkpoint& checkpoint, const fs::path& folder, bool force) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  std::set<std::string> expected = {std::string(kDescription)};
  for (const v1::ArtifactFile& file : checkpoint.files()) {
    RETURN_IF_ERROR(CheckFile(file));
    expected.insert(file.name());
    expected.insert(absl::StrCat(file.name(), kPartSuffix));
  }
  if (force) return absl::OkStatus();
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (expected.count(name) > 0) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(folder.string(), " already holds ", name,
                     ", which is no file of this checkpoint; choose an empty folder or --force"));
  }
  if (error) return FileError(error.value(), "list", folder);
  return absl::OkStatus();
}

// Size of what an earlier download left at `part`; 0 for nothing or too much.
uint64_t UsablePart(const fs::path& part, uint64_t size) {
  std::error_code error;
  const uint64_t there = fs::file_size(part, error);
  return error || there > size ? 0 : there;
}

// Downloads what is missing of `part` behind its first `offset` bytes. The digest of what came.
absl::StatusOr<std::string> AppendRest(TrainingClient& client, const v1::ArtifactFile& file,
                                       const fs::path& part, uint64_t offset,
                                       const std::function<void(uint64_t)>& on_bytes) {
  const UniqueFd fd(
      open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (offset == 0 ? O_TRUNC : O_APPEND), 0644));
  if (!fd.valid()) return FileError(errno, "open", part);
  Sha256 digest;
  uint64_t written = offset;
  if (offset < file.size()) {
    RETURN_IF_ERROR(client.ReadArtifact(
        file.sha256(), offset, [&](const v1::ReadArtifactResponse& chunk) -> absl::StatusOr<Next> {
          if (chunk.size() != file.size()) {
            return absl::DataLossError(
                absl::StrCat(file.name(), " has ", chunk.size(), " bytes on the server, not ", file.size()));
          }
          RETURN_IF_ERROR(WriteFully(fd.get(), chunk.data(), part));
          WriteBehind(fd.get(), written, written + chunk.data().size());
          written += chunk.data().size();
          digest.Update(chunk.data());
          on_bytes(chunk.data().size());
          return Next::kMore;
        }));
  }
  if (fsync(fd.get()) != 0) return FileError(errno, "fsync", part);
  return digest.HexDigest();
}

bool IsComplete(const fs::path& path, const v1::ArtifactFile& file) {
  const absl::StatusOr<FileDigest> digest = DigestFile(path);
  return digest.ok() && digest->size == file.size() && digest->sha256 == file.sha256();
}

absl::Status Fetch(TrainingClient& client, const v1::ArtifactFile& file, const fs::path& folder,
                   const std::function<void(uint64_t)>& on_bytes, DownloadResult& result) {
  const fs::path target = folder / file.name();
  if (IsComplete(target, file)) {
    result.reused_bytes += file.size();
    on_bytes(file.size());
    return absl::OkStatus();
  }
  const fs::path part = folder / absl::StrCat(file.name(), kPartSuffix);
  const uint64_t offset = UsablePart(part, file.size());
  if (offset > 0) on_bytes(offset);
  ASSIGN_OR_RETURN(const std::string digest, AppendRest(client, file, part, offset, on_bytes));
  // Only what an earlier download left has to be read again.
  if (offset > 0 ? !IsComplete(part, file) : digest != file.sha256()) {
    std::error_code ignored;  // Overwritten by the next download in any case.
    fs::remove(part, ignored);
    return absl::DataLossError(absl::StrCat(file.name(), " is not what its digest sha256:", file.sha256(),
                                            " says; the part was deleted, download again"));
  }
  result.reused_bytes += offset;
  result.transferred_bytes += file.size() - offset;
  return RenameDurably(part, target);
}

}  // namespace

absl::StatusOr<DownloadResult> DownloadCheckpoint(TrainingClient& client, const v1::Checkpoint& checkpoint,
                                                  const fs::path& folder, const DownloadOptions& options) {
  if (checkpoint.state() != v1::STORED) {
    return absl::FailedPreconditionError(absl::StrCat("checkpoint ", checkpoint.name(), " of job/",
                                                      checkpoint.job_id(),
                                                      " is on its worker only, not stored yet"));
  }
  RETURN_IF_ERROR(CheckFolder(checkpoint, folder, options.force));
  uint64_t total = 0;
  for (const v1::ArtifactFile& file : checkpoint.files()) total += file.size();
  uint64_t done = 0;
  const auto on_bytes = [&](uint64_t bytes) {
    done += bytes;
    if (options.on_progress) options.on_progress(done, total);
  };
  DownloadResult result;
  for (const v1::ArtifactFile& file : checkpoint.files()) {
    RETURN_IF_ERROR(Fetch(client, file, folder, on_bytes, result));
  }
  std::string description;
  google::protobuf::util::JsonPrintOptions json;
  json.add_whitespace = true;
  json.preserve_proto_field_names = true;
  if (!google::protobuf::util::MessageToJsonString(checkpoint, &description, json).ok()) {
    return absl::InternalError("a checkpoint cannot be written as JSON");
  }
  RETURN_IF_ERROR(WriteFileDurably(folder / std::string(kDescription), description));
  return result;
}

absl::StatusOr<v1::Checkpoint> SelectCheckpoint(const v1::ListCheckpointsResponse& checkpoints,
                                                absl::string_view selector) {
  absl::string_view digits = selector;
  uint64_t step = 0;
  const bool by_step = absl::ConsumePrefix(&digits, "step:") && absl::SimpleAtoi(digits, &step);
  if (!by_step && selector != "best" && selector != "last") {
    return absl::InvalidArgumentError(
        absl::StrCat("checkpoint selector \"@", selector, "\" is not @best, @last or @step:N"));
  }
  const v1::Checkpoint* newest = nullptr;
  std::string steps;
  for (const v1::Checkpoint& checkpoint : checkpoints.checkpoints()) {
    if (checkpoint.state() != v1::STORED) continue;
    const bool matches = by_step              ? checkpoint.step() == step
                         : selector == "best" ? checkpoint.best()
                                              : checkpoint.last();
    if (matches && (newest == nullptr || checkpoint.attempt() > newest->attempt())) newest = &checkpoint;
    absl::StrAppend(&steps, steps.empty() ? "" : ", ", checkpoint.step());
  }
  if (newest != nullptr) return *newest;
  return absl::NotFoundError(
      absl::StrCat("no stored checkpoint @", selector,
                   steps.empty() ? "; none is stored yet" : absl::StrCat("; stored steps: ", steps)));
}

}  // namespace ecgtrain
