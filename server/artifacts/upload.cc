#include "server/artifacts/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace ecgtrain {
namespace {

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(text[i])) return false;
  }
  return true;
}

}  // namespace

std::string UploadName::FileName() const { return absl::StrCat(id, ".", sha256, ".", size); }

std::optional<UploadName> UploadName::Parse(absl::string_view file_name) {
  const std::vector<std::string> parts = absl::StrSplit(file_name, '.');
  UploadName name;
  if (parts.size() != 3 || !IsUuid(parts[0]) || !IsSha256Hex(parts[1]) ||
      !absl::SimpleAtoi(parts[2], &name.size))
    return std::nullopt;
  name.id = parts[0];
  name.sha256 = parts[1];
  return name;
}

absl::StatusOr<Upload> Upload::Open(const std::filesystem::path& folder, UploadName name) {
  std::filesystem::path path = folder / name.FileName();
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!fd.valid()) return FileError(errno, "open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return FileError(errno, "stat", path);
  if (static_cast<uint64_t>(info.st_size) > name.size) {  // not what Append left: begin anew
    if (ftruncate(fd.get(), 0) != 0) return FileError(errno, "truncate", path);
    info.st_size = 0;
  }
  Upload upload(std::move(path), std::move(name), info.st_size);
  RETURN_IF_ERROR(upload.Sync());
  RETURN_IF_ERROR(SyncPath(folder));
  return upload;
}

absl::Status Upload::Append(uint64_t offset, absl::string_view bytes) {
  // Subtractions instead of sums: a sum of what a peer says may overflow.
  if (offset > name_.size || bytes.size() > name_.size - offset) {
    return absl::OutOfRangeError(absl::StrCat("upload ", name_.id, " is of ", name_.size, " bytes; ",
                                              bytes.size(), " bytes at ", offset, " go past its end"));
  }
  if (offset > received_) {
    return absl::OutOfRangeError(absl::StrCat("upload ", name_.id, " has ", received_, " bytes; bytes at ",
                                              offset, " would leave a gap: ask where to go on"));
  }
  const uint64_t known = received_ - offset;
  if (known >= bytes.size()) return absl::OkStatus();
  return WriteAtEnd(bytes.substr(known));
}

absl::Status Upload::WriteAtEnd(absl::string_view bytes) {
  const UniqueFd fd(open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return FileError(errno, "open", path_);
  if (lseek(fd.get(), static_cast<off_t>(received_), SEEK_SET) < 0) return FileError(errno, "seek in", path_);
  const absl::Status written = WriteFully(fd.get(), bytes, path_);
  if (!written.ok()) {
    // Part of the bytes may be there: give the space back. The next write begins at received_ in any case.
    if (ftruncate(fd.get(), static_cast<off_t>(received_)) != 0)
      LogWarning("cannot cut an upload back", {{"error", FileError(errno, "truncate", path_).message()}});
    return written;
  }
  WriteBehind(fd.get(), received_, received_ + bytes.size());
  if (hashed_ == received_) {
    hash_.Update(bytes);
    hashed_ += bytes.size();
  }
  received_ += bytes.size();
  return absl::OkStatus();
}

absl::Status Upload::Sync() {
  RETURN_IF_ERROR(SyncPath(path_));
  durable_ = received_;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Upload::Digest() {
  if (hashed_ == received_) {
    hashed_ = 0;  // HexDigest starts the hash anew
    return hash_.HexDigest();
  }
  ASSIGN_OR_RETURN(const FileDigest digest, DigestFile(path_));
  return digest.sha256;
}

absl::Status Upload::Verify() {
  if (received_ != name_.size) {
    return absl::FailedPreconditionError(
        absl::StrCat("upload ", name_.id, " has ", received_, " of ", name_.size, " bytes"));
  }
  ASSIGN_OR_RETURN(const std::string digest, Digest());
  if (digest == name_.sha256) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("upload ", name_.id, " has the SHA-256 ", digest, ", not ",
                                          name_.sha256, ": begin it anew"));
}

absl::Status Upload::MoveTo(const std::filesystem::path& target) { return RenameDurably(path_, target); }

void Upload::Discard() {
  if (unlink(path_.c_str()) != 0 && errno != ENOENT)
    LogWarning("cannot remove an upload", {{"error", FileError(errno, "remove", path_).message()}});
}

}  // namespace ecgtrain
