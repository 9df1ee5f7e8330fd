// ArtifactStore: checkpoints and other files, each named by the SHA-256 of its content.
//
// A file comes in chunks and is there, whole and verified, or not there. Identical content is one file. Which
// files are wanted is said by rows of the JobStore, never here: row first, then the upload; row gone first,
// then Delete.
//
// Implementations: DirectoryArtifactStore. tests/contract/artifact_store_contract.h is the suite that every
// implementation passes.
#ifndef ECGTRAIN_SERVER_ARTIFACTS_ARTIFACT_STORE_H_
#define ECGTRAIN_SERVER_ARTIFACTS_ARTIFACT_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace ecgtrain {

struct UploadState {
  std::string upload_id;      // a UUID made by the store; empty when complete
  uint64_t durable_size = 0;  // bytes that survive a crash: where to go on
  bool complete = false;      // the file is stored
};

// Thread-safe.
//
// Errors of every method: INVALID_ARGUMENT for what is no digest; RESOURCE_EXHAUSTED disk full; DATA_LOSS the
// disk cannot be read or written; INTERNAL other system errors.
class ArtifactStore {
 public:
  // What a file may have, bytes.
  static constexpr uint64_t kMaxFileSize = uint64_t{16} << 30;
  // What is received is durable at least so often, bytes.
  static constexpr uint64_t kSyncInterval = 64 << 20;

  virtual ~ArtifactStore() = default;

  // Opens the upload of a file, or finds it again, also after a restart: whoever uploads the same content
  // shares it. INVALID_ARGUMENT when the size is over the limit or not that of the stored file;
  // RESOURCE_EXHAUSTED when the file does not fit or too many uploads are open.
  virtual absl::StatusOr<UploadState> OpenUpload(absl::string_view sha256, uint64_t size) = 0;

  // Adds bytes; what is there already is skipped. The durable size afterwards.
  // DATA_LOSS when the bytes do not match `crc32c`: the upload is given up and begins anew with OpenUpload.
  // OUT_OF_RANGE when they begin behind what was received or go past the size; NOT_FOUND for an upload that
  // is not open; RESOURCE_EXHAUSTED when the disk is full: what was durable stays.
  virtual absl::StatusOr<uint64_t> Append(absl::string_view upload_id, uint64_t offset,
                                          absl::string_view bytes, uint32_t crc32c) = 0;

  // Verifies and stores the file; the upload is over. FAILED_PRECONDITION while bytes are missing; DATA_LOSS
  // when the digest differs: the upload is given up; NOT_FOUND for an upload that is not open.
  virtual absl::Status Finish(absl::string_view upload_id) = 0;

  // Size of a stored file. NOT_FOUND.
  virtual absl::StatusOr<uint64_t> FileSize(absl::string_view sha256) = 0;

  // At most `size` bytes from `offset`; empty at the end. NOT_FOUND; OUT_OF_RANGE past the end.
  virtual absl::StatusOr<std::string> Read(absl::string_view sha256, uint64_t offset, size_t size) = 0;

  // Reads the whole file. DATA_LOSS when it is not what its name says; NOT_FOUND.
  virtual absl::Status Verify(absl::string_view sha256) = 0;

  // OK when absent already. FAILED_PRECONDITION for a file that OpenUpload or Finish told an uploader to be
  // stored within the last hour: its row is on the way.
  virtual absl::Status Delete(absl::string_view sha256) = 0;

  // Digests of stored files behind `after`, in order, at most `limit`: for the sweep of files without a row.
  virtual absl::StatusOr<std::vector<std::string>> List(absl::string_view after, size_t limit) = 0;

  // Ends uploads that nobody has touched for `age` (counted anew after a restart); how many.
  virtual absl::StatusOr<size_t> RemoveAbandonedUploads(absl::Duration age) = 0;

  // Bytes of all stored files, at most a minute old.
  virtual absl::StatusOr<uint64_t> SizeBytes() = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_ARTIFACTS_ARTIFACT_STORE_H_
