#include "server/artifacts/directory_artifact_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "common/crc32c.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "common/units.h"

namespace ecgtrain {
namespace {

// Each may hold up to kMaxFileSize of the disk for as long as abandoned uploads live.
constexpr size_t kMaxUploads = 4096;
constexpr absl::Duration kClaimTime = absl::Hours(1);
constexpr absl::Duration kMeasureInterval = absl::Minutes(1);

absl::Status NotStored(absl::string_view sha256) {
  return absl::NotFoundError(absl::StrCat("no file with SHA-256 ", sha256, " is stored"));
}

// Names in a folder, sorted.
absl::StatusOr<std::vector<std::string>> Names(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return FileError(error.value(), "list", folder);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

DirectoryArtifactStore::DirectoryArtifactStore(const DirectoryArtifactOptions& options)
    : files_(options.root / "sha256"),
      uploads_folder_(options.root / "uploads"),
      reserve_bytes_(options.reserve_bytes),
      clock_(options.clock) {}

absl::StatusOr<std::unique_ptr<ArtifactStore>> DirectoryArtifactStore::Open(
    const DirectoryArtifactOptions& options) {
  std::unique_ptr<DirectoryArtifactStore> store(new DirectoryArtifactStore(options));
  RETURN_IF_ERROR(MakeDirectories(store->files_, 0750));
  RETURN_IF_ERROR(MakeDirectories(store->uploads_folder_, 0750));
  RETURN_IF_ERROR(store->FindUploads());
  return store;
}

absl::Status DirectoryArtifactStore::FindUploads() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(uploads_folder_));
  for (const std::string& file_name : names) {
    const std::optional<UploadName> name = UploadName::Parse(file_name);
    if (!name.has_value()) {
      LogWarning("a file among the uploads is none and is left alone", {{"name", file_name}});
      continue;
    }
    auto file = std::make_shared<OpenFile>(*name);
    MutexLock file_lock(file->mutex);
    file->touched = clock_.Monotonic();
    MutexLock lock(mutex_);
    uploads_[name->id] = file;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::filesystem::path> DirectoryArtifactStore::PathOf(absl::string_view sha256) const {
  if (!IsSha256Hex(sha256)) {
    return absl::InvalidArgumentError(
        "a file is named by the 64 lower-case hexadecimal digits of its SHA-256");
  }
  return files_ / std::string(sha256.substr(0, 2)) / std::string(sha256);
}

absl::Status DirectoryArtifactStore::CheckSpace(uint64_t bytes) const {
  struct statvfs info;
  if (statvfs(uploads_folder_.c_str(), &info) != 0) return FileError(errno, "measure", uploads_folder_);
  const uint64_t available = uint64_t{info.f_bavail} * info.f_frsize;
  if (available >= reserve_bytes_ && available - reserve_bytes_ >= bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "no room for ", HumanBytes(bytes), " in ", uploads_folder_.string(), ": ", HumanBytes(available),
      " free, of which ", HumanBytes(reserve_bytes_), " are kept in reserve"));
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
  auto file = std::make_shared<OpenFile>(UploadName{NewUuid(), std::string(sha256), size});
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
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  if (size > kMaxFileSize)
    return absl::InvalidArgumentError(
        absl::StrCat("a file of ", size, " bytes is over the limit of ", HumanBytes(kMaxFileSize)));
  // Before the look at the file: a Delete from here on is refused, an earlier one is seen.
  Claim(sha256);
  const absl::StatusOr<uint64_t> stored = FileSize(sha256);
  if (stored.ok() && *stored == size) return UploadState{.durable_size = size, .complete = true};
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
  ASSIGN_OR_RETURN(const std::filesystem::path target, PathOf(file->name.sha256));
  RETURN_IF_ERROR(MakeDirectories(target.parent_path(), 0750));
  Claim(file->name.sha256);
  const absl::Status status = file->upload->Complete(target);
  if (absl::IsFailedPrecondition(status)) return status;  // bytes are missing: the upload goes on
  End(*file, /*discard=*/!status.ok());
  return status;
}

absl::StatusOr<uint64_t> DirectoryArtifactStore::FileSize(absl::string_view sha256) {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  struct stat info;
  if (stat(path.c_str(), &info) == 0) return info.st_size;
  return errno == ENOENT ? NotStored(sha256) : FileError(errno, "stat", path);
}

absl::StatusOr<std::string> DirectoryArtifactStore::Read(absl::string_view sha256, uint64_t offset,
                                                         size_t size) {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return errno == ENOENT ? NotStored(sha256) : FileError(errno, "open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return FileError(errno, "stat", path);
  const uint64_t end = info.st_size;
  if (offset > end)
    return absl::OutOfRangeError(absl::StrCat("file ", sha256, " has ", end, " bytes, none at ", offset));
  std::string bytes(std::min<uint64_t>(size, end - offset), '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got =
        pread(fd.get(), bytes.data() + filled, bytes.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path);
    if (got == 0) return absl::DataLossError(absl::StrCat(path.string(), " was cut while it was read"));
    filled += got;
  }
  return bytes;
}

absl::Status DirectoryArtifactStore::Verify(absl::string_view sha256) {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  const absl::StatusOr<FileDigest> digest = DigestFile(path);
  if (absl::IsNotFound(digest.status())) return NotStored(sha256);
  RETURN_IF_ERROR(digest.status());
  if (digest->sha256 == sha256) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path.string(), " has the SHA-256 ", digest->sha256, ": the disk changed it; remove it"));
}

absl::Status DirectoryArtifactStore::Delete(absl::string_view sha256) {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  {
    // Removed under the lock, so that no claim comes between the look and the removal.
    MutexLock lock(mutex_);
    const auto claim = claims_.find(sha256);
    if (claim != claims_.end() && clock_.Monotonic() - claim->second <= kClaimTime) {
      return absl::FailedPreconditionError(absl::StrCat("file ", sha256, " is claimed by an upload"));
    }
    if (unlink(path.c_str()) != 0)
      return errno == ENOENT ? absl::OkStatus() : FileError(errno, "remove", path);
  }
  return SyncPath(path.parent_path());
}

absl::StatusOr<std::vector<std::string>> DirectoryArtifactStore::List(absl::string_view after, size_t limit) {
  std::vector<std::string> digests;
  ASSIGN_OR_RETURN(const std::vector<std::string> folders, Names(files_));
  for (const std::string& folder : folders) {
    if (folder < after.substr(0, 2)) continue;
    ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(files_ / folder));
    for (const std::string& name : names) {
      if (digests.size() == limit) return digests;
      if (IsSha256Hex(name) && name > after) digests.push_back(name);
    }
  }
  return digests;
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
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(files_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;  // deleted meanwhile, or a folder
    const uint64_t size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  if (error) return FileError(error.value(), "measure", files_);
  size_bytes_ = bytes;
  measured_ = now;
  return size_bytes_;
}

}  // namespace ecgtrain
