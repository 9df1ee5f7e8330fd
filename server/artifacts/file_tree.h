// The stored files of a DirectoryArtifactStore: <root>/ab/abcd..., by the SHA-256 of their content.
#ifndef ECGTRAIN_SERVER_ARTIFACTS_FILE_TREE_H_
#define ECGTRAIN_SERVER_ARTIFACTS_FILE_TREE_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Names in a folder, sorted. Errors as in common/durable_file.h.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::filesystem::path& folder);

// Thread-safe: the file system is the state. Methods and errors as in ArtifactStore.
class FileTree {
 public:
  explicit FileTree(std::filesystem::path root) : root_(std::move(root)) {}

  // Where the file of a digest lies. INVALID_ARGUMENT for what is no digest: nothing else becomes a path.
  absl::StatusOr<std::filesystem::path> PathOf(absl::string_view sha256) const;
  absl::StatusOr<uint64_t> FileSize(absl::string_view sha256) const;
  absl::StatusOr<std::string> Read(absl::string_view sha256, uint64_t offset, size_t size) const;
  absl::Status Verify(absl::string_view sha256) const;
  absl::Status Remove(absl::string_view sha256) const;
  // Makes the name of a file that is there survive a loss of power, whoever has put it there.
  absl::Status SyncName(absl::string_view sha256) const;
  absl::StatusOr<std::vector<std::string>> List(absl::string_view after, size_t limit) const;
  // Walks through all files.
  absl::StatusOr<uint64_t> SizeBytes() const;

  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_ARTIFACTS_FILE_TREE_H_
