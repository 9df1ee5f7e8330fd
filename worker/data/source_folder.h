// Files of a data set, read by names that come out of the data itself: nothing outside the folder can be
// reached.
#ifndef ECGTRAIN_WORKER_DATA_SOURCE_FOLDER_H_
#define ECGTRAIN_WORKER_DATA_SOURCE_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace ecgtrain {

struct SourceFileInfo {
  uint64_t size = 0;
  int64_t modified_nanoseconds = 0;
};

// Names are relative, parts separated by '/'. An absolute name, an empty part, "." and ".." are DATA_LOSS; so
// is a symbolic link at any part. A file that is not there is NOT_FOUND. Every message holds the whole path.
// Thread-safe.
class SourceFolder {
 public:
  // `path` itself may be a symbolic link. NOT_FOUND when there is no such folder.
  static absl::StatusOr<SourceFolder> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }

  // Whole content; DATA_LOSS above `limit` bytes.
  absl::StatusOr<std::string> Read(absl::string_view name, uint64_t limit = 256 << 20) const;
  absl::StatusOr<SourceFileInfo> Stat(absl::string_view name) const;

 private:
  SourceFolder(std::filesystem::path path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  absl::StatusOr<UniqueFd> OpenPart(absl::string_view name) const;

  std::filesystem::path path_;
  UniqueFd fd_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SOURCE_FOLDER_H_
