#include "server/artifacts/file_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "common/durable_file.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace ecgtrain {
namespace {

constexpr off_t kReadAhead = 8 << 20;

absl::Status NotStored(absl::string_view sha256) {
  return absl::NotFoundError(absl::StrCat("no file with SHA-256 ", sha256, " is stored"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> NamesIn(const std::filesystem::path& folder) {
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

absl::StatusOr<std::filesystem::path> FileTree::PathOf(absl::string_view sha256) const {
  if (!IsSha256Hex(sha256)) {
    return absl::InvalidArgumentError(
        "a file is named by the 64 lower-case hexadecimal digits of its SHA-256");
  }
  return root_ / std::string(sha256.substr(0, 2)) / std::string(sha256);
}

absl::StatusOr<uint64_t> FileTree::FileSize(absl::string_view sha256) const {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  struct stat info;
  if (stat(path.c_str(), &info) == 0) return info.st_size;
  return errno == ENOENT ? NotStored(sha256) : FileError(errno, "stat", path);
}

absl::StatusOr<std::string> FileTree::Read(absl::string_view sha256, uint64_t offset, size_t size) const {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return errno == ENOENT ? NotStored(sha256) : FileError(errno, "open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return FileError(errno, "stat", path);
  const uint64_t end = info.st_size;
  if (offset > end)
    return absl::OutOfRangeError(absl::StrCat("file ", sha256, " has ", end, " bytes, none at ", offset));
  std::string bytes(std::min<uint64_t>(size, end - offset), '\0');
  // Who reads a file reads on: the disk fetches the next bytes while these are on their way.
  static_cast<void>(posix_fadvise(fd.get(), static_cast<off_t>(offset), kReadAhead, POSIX_FADV_WILLNEED));
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

absl::Status FileTree::Verify(absl::string_view sha256) const {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  const absl::StatusOr<FileDigest> digest = DigestFile(path);
  if (absl::IsNotFound(digest.status())) return NotStored(sha256);
  RETURN_IF_ERROR(digest.status());
  if (digest->sha256 == sha256) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path.string(), " has the SHA-256 ", digest->sha256, ": the disk changed it; remove it"));
}

absl::Status FileTree::Remove(absl::string_view sha256) const {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  if (unlink(path.c_str()) != 0) return errno == ENOENT ? absl::OkStatus() : FileError(errno, "remove", path);
  return SyncPath(path.parent_path());
}

absl::Status FileTree::SyncName(absl::string_view sha256) const {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PathOf(sha256));
  RETURN_IF_ERROR(SyncPath(path.parent_path()));
  return SyncPath(root_);
}

absl::StatusOr<std::vector<std::string>> FileTree::List(absl::string_view after, size_t limit) const {
  std::vector<std::string> digests;
  ASSIGN_OR_RETURN(const std::vector<std::string> folders, NamesIn(root_));
  for (const std::string& folder : folders) {
    if (folder.size() != 2 || folder < after.substr(0, 2)) continue;
    ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(root_ / folder));
    for (const std::string& name : names) {
      if (digests.size() == limit) return digests;
      if (IsSha256Hex(name) && name > after) digests.push_back(name);
    }
  }
  return digests;
}

absl::StatusOr<uint64_t> FileTree::SizeBytes() const {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(root_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;  // deleted meanwhile, or a folder
    const uint64_t size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  if (error) return FileError(error.value(), "measure", root_);
  return bytes;
}

}  // namespace ecgtrain
