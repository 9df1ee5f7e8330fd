#include "server/artifacts/directory_artifact_store.h"

#include <utility>

#include "common/crc32c.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/units.h"

namespace ecgtrain {
namespace {

// Each may hold up to kMaxFileSize of the disk for as long as abandoned uploads live.
constexpr size_t kMaxUploads = 4096;
constexpr absl::Duration kClaimTime = absl::Hours(1);
constexpr absl::Duration kMeasureInterval = absl::Minutes(1);

}  // namespace

DirectoryArtifactStore::DirectoryArtifactStore(const DirectoryArtifactOptions& options)
    : files_(options.root / "sha256"),
      uploads_folder_(options.root / "uploads"),
      reserve_bytes_(options.reserve_bytes),
      own_space_(options.root),
      space_(options.space != nullptr ? *options.space : own_space_),
      clock_(options.clock) {}

absl::StatusOr<std::unique_ptr<ArtifactStore>> DirectoryArtifactStore::Open(
    const DirectoryArtifactOptions& options) {
  std::unique_ptr<DirectoryArtifactStore> store(new DirectoryArtifactStore(options));
  RETURN_IF_ERROR(MakeDirectories(store->files_.root(), 0750));
  RETURN_IF_ERROR(MakeDirectories(store->uploads_folder_, 0750));
  RETURN_IF_ERROR(store->FindUploads());
  return store;
}

absl::Status DirectoryArtifactStore::FindUploads() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(uploads_folder_));
  for (const std::string& file_name : names) {
    const std::optional<UploadName> name = UploadName::Parse(file_name);
    if (!name.has_value()) {
      LogWarning("a file among the uploads is none and is left alone", {{"name", file_name}});
      continue;
    }
    MutexLock lock(mutex_);
    uploads_[name->id] = std::make_shared<OpenFile>(*name, clock_.Monotonic());
  }
  return absl::OkStatus();
}

absl::Status DirectoryArtifactStore::CheckSpace(uint64_t bytes) {
  ASSIGN_OR_RETURN(const FreeSpace::Room room, space_.Measure());
  if (room.free >= reserve_bytes_ && room.free - reserve_bytes_ >= bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("no room for ", HumanBytes(bytes), " in ",
                                                   uploads_folder_.string(), ": ", HumanBytes(room.free),
                                                   " free, of which ", HumanBytes(reserve_bytes_),
                                                   " are kept in reserve; make room on that disk, or lower "
                                                   "--keep-free; the upload goes on by itself then"));
}

void DirectoryArtifactStore::Claim(absl::string_view sha256) {
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(mutex_);
  std::erase_if(claims_, [now](const auto& claim) { return now - claim.second > kClaimTime; });
  claims_.insert_or_assign(std::string(sha256), now);
}

absl::StatusOr<std::shared_ptr<DirectoryArtifactStore::OpenFile>> DirectoryArtifactStore::FindOrAdd(
    absl::string_view sha256, uint64_t size) {
  MutexLock lock(mutex_);
  for (const auto& [id, file] : uploads_) {
    if (file->name.sha256 == sha256 && file->name.size == size) return file;
  }
  if (uploads_.size() >= kMaxUploads)
    return absl::ResourceExhaustedError(absl::StrCat(kMaxUploads, " uploads are open; try again later"));
  auto file =
      std::make_shared<OpenFile>(UploadName{NewUuid(), std::string(sha256), size}, clock_.Monotonic());
  uploads_[file->name.id] = file;
  return file;
}

absl::StatusOr<std::shared_ptr<DirectoryArtifactStore::OpenFile>> DirectoryArtifactStore::Find(
    absl::string_view upload_id) {
  MutexLock lock(mutex_);
  const auto found = uploads_.find(upload_id);
  if (found == uploads_.end()) return absl::NotFoundError("the upload is not open: ask where to go on");
  return found->second;
}

absl::Status DirectoryArtifactStore::Begin(OpenFile& file) {
  if (file.over)
    return absl::NotFoundError(absl::StrCat("upload ", file.name.id, " is over: ask where to go on"));
  file.touched = clock_.Monotonic();
  if (file.upload.has_value()) return absl::OkStatus();
  absl::StatusOr<Upload> upload = Upload::Open(uploads_folder_, file.name);
  if (!upload.ok()) {
    End(file, /*discard=*/false);
    return upload.status();
  }
  file.upload = *std::move(upload);
  return absl::OkStatus();
}

void DirectoryArtifactStore::End(OpenFile& file, bool discard) {
  if (discard && file.upload.has_value()) file.upload->Discard();
  file.over = true;
  MutexLock lock(mutex_);
  uploads_.erase(file.name.id);
}

absl::StatusOr<UploadState> DirectoryArtifactStore::OpenUpload(absl::string_view sha256, uint64_t size) {
  RETURN_IF_ERROR(files_.PathOf(sha256).status());
  if (size > kMaxFileSize)
    return absl::InvalidArgumentError(
        absl::StrCat("a file of ", size, " bytes is over the limit of ", HumanBytes(kMaxFileSize)));
  // Before the look at the file: a Delete from here on is refused, an earlier one is seen.
  Claim(sha256);
  const absl::StatusOr<uint64_t> stored = FileSize(sha256);
  if (stored.ok() && *stored == size) {
    // A process that was killed may have moved it there without the sync that comes after.
    RETURN_IF_ERROR(files_.SyncName(sha256));
    return UploadState{.durable_size = size, .complete = true};
  }
  if (stored.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file with SHA-256 ", sha256, " has ", *stored, " bytes, not ", size));
  }
  if (!absl::IsNotFound(stored.status())) return stored.status();
  ASSIGN_OR_RETURN(const std::shared_ptr<OpenFile> file, FindOrAdd(sha256, size));
  MutexLock lock(file->mutex);
  if (file->over) return absl::UnavailableError("the upload has just ended; ask again");
  RETURN_IF_ERROR(Begin(*file));
  const absl::Status synced = file->upload->Sync();
  if (!synced.ok()) {
    End(*file, /*discard=*/true);
    return synced;
  }
  RETURN_IF_ERROR(CheckSpace(size - file->upload->received()));
  return UploadState{file->name.id, file->upload->durable(), false};
}

absl::StatusOr<uint64_t> DirectoryArtifactStore::Append(absl::string_view upload_id, uint64_t offset,
                                                        absl::string_view bytes, uint32_t crc32c) {
  ASSIGN_OR_RETURN(const std::shared_ptr<OpenFile> file, Find(upload_id));
  MutexLock lock(file->mutex);
  RETURN_IF_ERROR(Begin(*file));
  Upload& upload = *file->upload;
  if (Crc32c(bytes) != crc32c) {
    End(*file, /*discard=*/true);
    return absl::DataLossError(absl::StrCat("bytes at ", offset, " of upload ", file->name.id,
                                            " do not match their checksum: begin it anew"));
  }
  RETURN_IF_ERROR(CheckSpace(bytes.size()));
  RETURN_IF_ERROR(upload.Append(offset, bytes));
  if (upload.received() - upload.durable() >= kSyncInterval) {
    const absl::Status synced = upload.Sync();
    if (!synced.ok()) {
      End(*file, /*discard=*/true);
      return synced;
    }
  }
  return upload.durable();
}

absl::Status DirectoryArtifactStore::Finish(absl::string_view upload_id) {
  ASSIGN_OR_RETURN(const std::shared_ptr<OpenFile> file, Find(upload_id));
  MutexLock lock(file->mutex);
  RETURN_IF_ERROR(Begin(*file));
  ASSIGN_OR_RETURN(const std::filesystem::path target, files_.PathOf(file->name.sha256));
  Claim(file->name.sha256);
  absl::Status status = file->upload->Verify();
  if (absl::IsFailedPrecondition(status)) return status;  // bytes are missing: the upload goes on
  if (status.ok()) status = file->upload->Sync();
  if (!status.ok()) {
    End(*file, /*discard=*/true);
    return status;
  }
  // From here on an error, such as a full disk, loses nothing: the same call may be repeated.
  RETURN_IF_ERROR(MakeDirectories(target.parent_path(), 0750));
  RETURN_IF_ERROR(file->upload->MoveTo(target));
  RETURN_IF_ERROR(SyncPath(files_.root()));  // the folder may be new, too
  End(*file, /*discard=*/false);
  return absl::OkStatus();
}

absl::Status DirectoryArtifactStore::Delete(absl::string_view sha256) {
  // Removed under the lock, so that no claim comes between the look and the removal.
  MutexLock lock(mutex_);
  const auto claim = claims_.find(sha256);
  if (claim != claims_.end() && clock_.Monotonic() - claim->second <= kClaimTime)
    return absl::FailedPreconditionError(absl::StrCat("file ", sha256, " is claimed by an upload"));
  return files_.Remove(sha256);
}

absl::StatusOr<size_t> DirectoryArtifactStore::RemoveAbandonedUploads(absl::Duration age) {
  std::vector<std::shared_ptr<OpenFile>> files;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, file] : uploads_) files.push_back(file);
  }
  const absl::Duration now = clock_.Monotonic();
  size_t removed = 0;
  for (const std::shared_ptr<OpenFile>& file : files) {
    MutexLock lock(file->mutex);
    if (file->over || now - file->touched < age) continue;
    RETURN_IF_ERROR(Begin(*file));
    End(*file, /*discard=*/true);
    ++removed;
  }
  return removed;
}

absl::StatusOr<uint64_t> DirectoryArtifactStore::SizeBytes() {
  MutexLock lock(size_mutex_);
  const absl::Duration now = clock_.Monotonic();
  if (measured_.has_value() && now - *measured_ < kMeasureInterval) return size_bytes_;
  ASSIGN_OR_RETURN(size_bytes_, files_.SizeBytes());
  measured_ = now;
  return size_bytes_;
}

}  // namespace ecgtrain
