// Files of a data set, read by names that come out of the data itself: nothing outside the folder can be
// reached.
#ifndef ECGTRAIN_WORKER_DATA_SOURCE_FOLDER_H_
#define ECGTRAIN_WORKER_DATA_SOURCE_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace ecgtrain {

struct SourceFileInfo {
  uint64_t size = 0;
  int64_t modified_nanoseconds = 0;
};

// A file that is read in parts: for files larger than the memory. Thread-safe.
class SourceFile {
 public:
  SourceFile(std::filesystem::path path, UniqueFd fd, uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  const std::filesystem::path& path() const { return path_; }
  uint64_t size() const { return size_; }

  // DATA_LOSS, before anything is allocated, when the file has fewer than offset + size bytes.
  absl::StatusOr<std::string> ReadAt(uint64_t offset, uint64_t size) const;

 private:
  std::filesystem::path path_;
  UniqueFd fd_;
  uint64_t size_;
};

// Names are relative, parts separated by '/'. An absolute name, an empty part, "." and ".." are DATA_LOSS; so
// is a symbolic link at any part and a name of PATH_MAX bytes or more. A file that is not there is NOT_FOUND.
// Every message holds the whole path (but for names that are too long).
// Thread-safe.
class SourceFolder {
 public:
  // `path` itself may be a symbolic link. NOT_FOUND when there is no such folder.
  static absl::StatusOr<SourceFolder> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }

  // Whole content; DATA_LOSS above `limit` bytes.
  absl::StatusOr<std::string> Read(absl::string_view name, uint64_t limit = 256 << 20) const;
  absl::StatusOr<SourceFileInfo> Stat(absl::string_view name) const;
  absl::StatusOr<SourceFile> OpenFile(absl::string_view name) const;

  // Names of all plain files whose name ends in `suffix`, up to four folders deep, sorted. Links and what
  // begins with a dot are passed over. RESOURCE_EXHAUSTED above 20 million.
  absl::StatusOr<std::vector<std::string>> List(absl::string_view suffix) const;

 private:
  SourceFolder(std::filesystem::path path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  absl::StatusOr<UniqueFd> OpenPart(absl::string_view name) const;

  std::filesystem::path path_;
  UniqueFd fd_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SOURCE_FOLDER_H_
