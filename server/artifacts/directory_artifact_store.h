// ArtifactStore in a folder of a local file system.
//
//   <root>/sha256/ab/abcd...                   stored files
//   <root>/uploads/<id>.<sha256>.<size>        files on their way
#ifndef ECGTRAIN_SERVER_ARTIFACTS_DIRECTORY_ARTIFACT_STORE_H_
#define ECGTRAIN_SERVER_ARTIFACTS_DIRECTORY_ARTIFACT_STORE_H_

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/free_space.h"
#include "common/mutex.h"
#include "server/artifacts/artifact_store.h"
#include "server/artifacts/file_tree.h"
#include "server/artifacts/upload.h"

namespace ecgtrain {

struct DirectoryArtifactOptions {
  std::filesystem::path root;
  Clock& clock;  // borrowed; ages of uploads and claims
  // Free space that uploads leave to others, such as the database on the same disk, bytes.
  uint64_t reserve_bytes = 512 << 20;
  FreeSpace* space = nullptr;  // borrowed; null: that of the file system of `root`
};

// Thread-safe. Only one process may use a folder at a time: the coordinator's lock on its database sees to
// that.
class DirectoryArtifactStore final : public ArtifactStore {
 public:
  // Makes the folders where they are not there, and takes up the uploads that a former process left.
  static absl::StatusOr<std::unique_ptr<ArtifactStore>> Open(const DirectoryArtifactOptions& options);

  absl::StatusOr<UploadState> OpenUpload(absl::string_view sha256, uint64_t size) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<uint64_t> Append(absl::string_view upload_id, uint64_t offset, absl::string_view bytes,
                                  uint32_t crc32c) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Finish(absl::string_view upload_id) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<uint64_t> FileSize(absl::string_view sha256) override { return files_.FileSize(sha256); }
  absl::StatusOr<std::string> Read(absl::string_view sha256, uint64_t offset, size_t size) override {
    return files_.Read(sha256, offset, size);
  }
  absl::Status Verify(absl::string_view sha256) override { return files_.Verify(sha256); }
  absl::Status Delete(absl::string_view sha256) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<std::string>> List(absl::string_view after, size_t limit) override {
    return files_.List(after, limit);
  }
  absl::StatusOr<size_t> RemoveAbandonedUploads(absl::Duration age) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<uint64_t> SizeBytes() override ABSL_LOCKS_EXCLUDED(size_mutex_);

 private:
  // Locked while a chunk is written, so that uploads do not wait for one another.
  struct OpenFile {
    OpenFile(UploadName name, absl::Duration now) : name(std::move(name)), touched(now) {}
    const UploadName name;
    Mutex mutex;
    std::optional<Upload> upload ABSL_GUARDED_BY(mutex);  // opened on first use
    bool over ABSL_GUARDED_BY(mutex) = false;             // finished or given up
    absl::Duration touched ABSL_GUARDED_BY(mutex);        // on the steady clock
  };

  explicit DirectoryArtifactStore(const DirectoryArtifactOptions& options);
  absl::Status FindUploads() ABSL_LOCKS_EXCLUDED(mutex_);

  // The upload of this content, new where there is none.
  absl::StatusOr<std::shared_ptr<OpenFile>> FindOrAdd(absl::string_view sha256, uint64_t size)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::shared_ptr<OpenFile>> Find(absl::string_view upload_id) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Begin(OpenFile& file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(file.mutex);
  // Forgets an upload; its file too when `discard`.
  void End(OpenFile& file, bool discard) ABSL_EXCLUSIVE_LOCKS_REQUIRED(file.mutex)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Claim(absl::string_view sha256) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status CheckSpace(uint64_t bytes);

  const FileTree files_;
  const std::filesystem::path uploads_folder_;
  const uint64_t reserve_bytes_;
  FileSystemSpace own_space_;
  FreeSpace& space_;
  Clock& clock_;

  // Taken after an OpenFile's mutex, never before.
  Mutex mutex_;
  // By id. Shared: a thread that waits for an upload's mutex keeps it alive beyond its end.
  std::map<std::string, std::shared_ptr<OpenFile>, std::less<>> uploads_ ABSL_GUARDED_BY(mutex_);
  // When an uploader was told that the file is stored, on the steady clock.
  std::map<std::string, absl::Duration, std::less<>> claims_ ABSL_GUARDED_BY(mutex_);

  Mutex size_mutex_;
  std::optional<absl::Duration> measured_ ABSL_GUARDED_BY(size_mutex_);
  uint64_t size_bytes_ ABSL_GUARDED_BY(size_mutex_) = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_ARTIFACTS_DIRECTORY_ARTIFACT_STORE_H_
