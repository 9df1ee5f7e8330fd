// One file on its way into a DirectoryArtifactStore.
#ifndef ECGTRAIN_SERVER_ARTIFACTS_UPLOAD_H_
#define ECGTRAIN_SERVER_ARTIFACTS_UPLOAD_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sha256.h"

namespace ecgtrain {

// What an upload is of. Also its file name, so that a restart finds it again: "<id>.<sha256>.<size>".
struct UploadName {
  std::string id;
  std::string sha256;
  uint64_t size = 0;

  std::string FileName() const;
  // Nothing for a name that no upload has.
  static std::optional<UploadName> Parse(absl::string_view file_name);
};

// Thread-compatible. An error of Sync, or of Verify other than FAILED_PRECONDITION, means that the file is
// lost and is to be discarded: after a failed fsync nobody knows what the disk holds.
class Upload {
 public:
  // Makes an empty file; or takes up the one that is there.
  static absl::StatusOr<Upload> Open(const std::filesystem::path& folder, UploadName name);

  // As ArtifactStore::Append; without sync.
  absl::Status Append(uint64_t offset, absl::string_view bytes);
  absl::Status Sync();
  // FAILED_PRECONDITION while bytes are missing; DATA_LOSS when the digest is not that of the name.
  absl::Status Verify();
  // Renames the file, which is verified and synced, to `target` in a folder that is there.
  absl::Status MoveTo(const std::filesystem::path& target);
  // Removes the file.
  void Discard();

  const UploadName& name() const { return name_; }
  uint64_t received() const { return received_; }
  uint64_t durable() const { return durable_; }

 private:
  Upload(std::filesystem::path path, UploadName name, uint64_t received)
      : path_(std::move(path)), name_(std::move(name)), received_(received) {}
  absl::Status WriteAtEnd(absl::string_view bytes);
  absl::StatusOr<std::string> Digest();

  std::filesystem::path path_;
  UploadName name_;
  uint64_t received_;
  uint64_t durable_ = 0;
  // Of the first hashed_ bytes. After a restart it stays behind, and Verify reads the file instead.
  Sha256 hash_;
  uint64_t hashed_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_ARTIFACTS_UPLOAD_H_
