#include "worker/agent/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"

namespace ecgtrain {

absl::StatusOr<std::string> LogReader::Read(uint64_t offset, size_t size, bool complete) {
  if (!file_.valid()) {
    file_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file_.valid() && errno == ENOENT) return "";
    if (!file_.valid()) return FileError(errno, "open", path_);
  }
  if (offset < limits_.head) return ReadFileAt(offset, std::min<uint64_t>(size, limits_.head - offset));
  if (!complete) return "";
  return ReadPastHead(offset, size);
}

absl::StatusOr<std::string> LogReader::ReadFileAt(uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = pread(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (got < 0) return FileError(errno, "read", path_);
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

absl::StatusOr<std::string> LogReader::ReadPastHead(uint64_t offset, size_t size) {
  struct stat info;
  if (fstat(file_.get(), &info) != 0) return FileError(errno, "stat", path_);
  const auto total = static_cast<uint64_t>(info.st_size);
  const uint64_t tail = std::min(limits_.tail, total - std::min(total, limits_.head));
  const uint64_t left_out = total - std::min(total, limits_.head) - tail;
  const std::string marker =
      left_out > 0 ? absl::StrCat("\n[", left_out, " bytes of the log are left out here]\n") : "";
  const uint64_t past_head = offset - limits_.head;
  if (past_head < marker.size()) return marker.substr(past_head, size);
  const uint64_t in_tail = past_head - marker.size();
  if (in_tail >= tail) return "";
  return ReadFileAt(total - tail + in_tail, std::min<uint64_t>(size, tail - in_tail));
}

}  // namespace ecgtrain
