// Files that survive a crash and loss of power: temporary file, fsync, rename, fsync of the folder.
//
// Errors name the path and the system's reason. ENOSPC, EDQUOT and EFBIG (a file size limit) are
// RESOURCE_EXHAUSTED, ENOENT is NOT_FOUND, EACCES and EPERM PERMISSION_DENIED, EEXIST ALREADY_EXISTS, EIO
// DATA_LOSS, everything else INTERNAL. Functions are thread-safe as long as callers use different paths.
#ifndef ECGTRAIN_COMMON_DURABLE_FILE_H_
#define ECGTRAIN_COMMON_DURABLE_FILE_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Status for the system error number `error` of an operation such as "write" on `path`.
absl::Status FileError(int error, absl::string_view operation, const std::filesystem::path& path);

// Whole content of a regular file; RESOURCE_EXHAUSTED above `limit` bytes.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path, uint64_t limit = 64 << 20);

// Replaces `path` in one step: afterwards it holds all of `content`, before that all of what was there.
// `mode` as in chmod.
absl::Status WriteFileDurably(const std::filesystem::path& path, absl::string_view content, int mode = 0644);

// Writes all of `content` at `fd`'s position.
absl::Status WriteFully(int fd, absl::string_view content, const std::filesystem::path& path_for_errors);

// For a long file that is written from its beginning and will not be read at once, after each write of its
// bytes `begin` to `end`: the disk starts with them, so that the fsync finds little left to do, and the
// memory of what it has is used for the bytes to come. Only hints: what fails shows in fsync.
void WriteBehind(int fd, uint64_t begin, uint64_t end);

// fsync of a file or folder.
absl::Status SyncPath(const std::filesystem::path& path);

// rename(2), then fsync of the target's folder (and of the source's, where it differs).
absl::Status RenameDurably(const std::filesystem::path& from, const std::filesystem::path& to);

// mkdir -p, synced.
absl::Status MakeDirectories(const std::filesystem::path& path, int mode = 0755);

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_DURABLE_FILE_H_
