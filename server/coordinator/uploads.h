// Files of attempts on their way into the artifact store.
#ifndef ECGTRAIN_SERVER_COORDINATOR_UPLOADS_H_
#define ECGTRAIN_SERVER_COORDINATOR_UPLOADS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "server/artifacts/artifact_store.h"
#include "server/coordinator/mutation.h"

namespace ecgtrain {

// Every method waits for the disk: not for a reactor's thread. Thread-safe.
class Uploads {
 public:
  Uploads(MutationRunner& runner, ArtifactStore& artifacts) : runner_(runner), artifacts_(artifacts) {}

  // As WorkerService.QueryUpload.
  absl::StatusOr<v1::QueryUploadResponse> Query(const v1::QueryUploadRequest& request);

  // One chunk; with the last one the file is verified, its row written, and checkpoints that are complete
  // with it become STORED. ABORTED for a stale token, NOT_FOUND for an upload that QueryUpload has not opened
  // since the start of the coordinator, otherwise as ArtifactStore::Append and Finish.
  absl::StatusOr<v1::UploadArtifactResponse> Append(const v1::UploadArtifactRequest& request);

 private:
  struct Target {
    std::string sha256;
    uint64_t size = 0;
  };
  absl::Status MarkStored(const v1::AttemptRef& attempt, const Target& target);

  MutationRunner& runner_;
  ArtifactStore& artifacts_;
  Mutex mutex_;
  std::map<std::string, Target> targets_ ABSL_GUARDED_BY(mutex_);  // by upload id
};

// OK when the live attempt starts from a checkpoint that holds the file. ABORTED for a stale token, NOT_FOUND
// otherwise.
absl::Status CheckIsInput(StoreReader& reader, const v1::AttemptRef& attempt, absl::string_view sha256);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_UPLOADS_H_
