#include "common/durable_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace ecgtrain {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EIO:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::filesystem::path FolderOf(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  return folder.empty() ? "." : folder;
}

}  // namespace

absl::Status FileError(int error, absl::string_view operation, const std::filesystem::path& path) {
  return absl::Status(CodeOf(error),
                      absl::StrCat("cannot ", operation, " ", path.string(), ": ", strerror(error)));
}

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path, uint64_t limit) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FileError(errno, "open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return FileError(errno, "stat", path);
  if (!S_ISREG(info.st_mode))
    return absl::FailedPreconditionError(absl::StrCat(path.string(), " is not a file"));
  std::string content;
  content.reserve(std::min<uint64_t>(limit, info.st_size));
  char buffer[64 << 10];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path);
    if (got == 0) return content;
    content.append(buffer, got);
    if (content.size() > limit) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path.string(), " is larger than the limit of ", limit, " bytes"));
    }
  }
}

absl::Status WriteFully(int fd, absl::string_view content, const std::filesystem::path& path_for_errors) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, "write", path_for_errors);
    content.remove_prefix(written);
  }
  return absl::OkStatus();
}

void WriteBehind(int fd, uint64_t begin, uint64_t end) {
  constexpr uint64_t kKept = 8 << 20;
  static_cast<void>(
      sync_file_range(fd, static_cast<off_t>(begin), static_cast<off_t>(end - begin), SYNC_FILE_RANGE_WRITE));
  // From the beginning each time, since what the disk did not have yet was kept the last time.
  if (begin / kKept != end / kKept)
    static_cast<void>(posix_fadvise(fd, 0, static_cast<off_t>(end), POSIX_FADV_DONTNEED));
}

absl::Status SyncPath(const std::filesystem::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FileError(errno, "open", path);
  if (fsync(fd.get()) != 0) return FileError(errno, "sync", path);
  return absl::OkStatus();
}

absl::Status WriteFileDurably(const std::filesystem::path& path, absl::string_view content, int mode) {
  std::string temporary = (FolderOf(path) / absl::StrCat(".", path.filename().string(), ".XXXXXX")).string();
  UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return FileError(errno, "create", temporary);
  absl::Cleanup remove = [&temporary] { unlink(temporary.c_str()); };
  RETURN_IF_ERROR(WriteFully(fd.get(), content, temporary));
  if (fchmod(fd.get(), mode) != 0) return FileError(errno, "chmod", temporary);
  if (fsync(fd.get()) != 0) return FileError(errno, "sync", temporary);
  RETURN_IF_ERROR(RenameDurably(temporary, path));
  std::move(remove).Cancel();
  return absl::OkStatus();
}

absl::Status RenameDurably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return FileError(errno, "rename", to);
  RETURN_IF_ERROR(SyncPath(FolderOf(to)));
  if (FolderOf(from) != FolderOf(to)) RETURN_IF_ERROR(SyncPath(FolderOf(from)));
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::filesystem::path& path, int mode) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode)
               ? absl::OkStatus()
               : absl::FailedPreconditionError(absl::StrCat(path.string(), " exists and is not a folder"));
  }
  const std::filesystem::path parent = FolderOf(path);
  if (parent != path) RETURN_IF_ERROR(MakeDirectories(parent, mode));
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return FileError(errno, "make folder", path);
  return SyncPath(parent);
}

}  // namespace ecgtrain
