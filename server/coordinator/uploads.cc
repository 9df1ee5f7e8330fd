#include "server/coordinator/uploads.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/coordinator/attempt_lifecycle.h"
#include "server/coordinator/checkpoints.h"
#include "server/coordinator/retention.h"

namespace ecgtrain {
namespace {

bool Holds(const v1::Checkpoint& checkpoint, absl::string_view sha256) {
  return std::any_of(checkpoint.files().begin(), checkpoint.files().end(),
                     [&](const v1::ArtifactFile& file) { return file.sha256() == sha256; });
}

// An event of the attempt must have named the file.
absl::Status CheckIsNamed(StoreReader& reader, const v1::QueryUploadRequest& request) {
  const v1::AttemptRef& attempt = request.attempt();
  const auto same = [&](const v1::ArtifactFile& file) {
    return file.sha256() == request.file().sha256() && file.size() == request.file().size();
  };
  ASSIGN_OR_RETURN(const auto checkpoints, reader.Checkpoints(attempt.job_id()));
  for (const v1::Checkpoint& checkpoint : checkpoints) {
    if (checkpoint.attempt() == attempt.attempt() &&
        std::any_of(checkpoint.files().begin(), checkpoint.files().end(), same)) {
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(const auto artifacts, reader.Artifacts(attempt.job_id()));
  for (const v1::Artifact& artifact : artifacts) {
    if (artifact.attempt() == attempt.attempt() && same(artifact.file())) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("no event of attempt ", attempt.job_id(), ".",
                                                    attempt.attempt(), " names the file ",
                                                    request.file().name(), " (any more)"));
}

}  // namespace

absl::StatusOr<v1::QueryUploadResponse> Uploads::Query(const v1::QueryUploadRequest& request) {
  RETURN_IF_ERROR(runner_.store().Read([&](StoreReader& reader) -> absl::Status {
    RETURN_IF_ERROR(CurrentAttempt(reader, request.attempt()).status());
    return CheckIsNamed(reader, request);
  }));
  const Target target{request.file().sha256(), request.file().size()};
  ASSIGN_OR_RETURN(const UploadState state, artifacts_.OpenUpload(target.sha256, target.size));
  v1::QueryUploadResponse response;
  response.set_upload_id(state.upload_id);
  response.set_durable_size(state.durable_size);
  response.set_complete(state.complete);
  if (state.complete) {
    RETURN_IF_ERROR(MarkStored(request.attempt(), target));
  } else {
    MutexLock lock(mutex_);
    targets_[state.upload_id] = target;
  }
  return response;
}

absl::StatusOr<v1::UploadArtifactResponse> Uploads::Append(const v1::UploadArtifactRequest& request) {
  RETURN_IF_ERROR(runner_.store().Read(
      [&](StoreReader& reader) { return CurrentAttempt(reader, request.attempt()).status(); }));
  Target target;
  {
    MutexLock lock(mutex_);
    const auto found = targets_.find(request.upload_id());
    if (found == targets_.end()) {
      return absl::NotFoundError(
          absl::StrCat("upload ", request.upload_id(), " is not open; ask QueryUpload again"));
    }
    target = found->second;
  }
  v1::UploadArtifactResponse response;
  const absl::StatusOr<uint64_t> durable =
      artifacts_.Append(request.upload_id(), request.offset(), request.data(), request.crc32c());
  if (absl::IsDataLoss(durable.status()) || absl::IsNotFound(durable.status())) {
    MutexLock lock(mutex_);
    targets_.erase(request.upload_id());
  }
  RETURN_IF_ERROR(durable.status());
  response.set_durable_size(*durable);
  if (request.offset() + request.data().size() < target.size) return response;
  RETURN_IF_ERROR(artifacts_.Finish(request.upload_id()));
  RETURN_IF_ERROR(MarkStored(request.attempt(), target));
  {
    MutexLock lock(mutex_);
    targets_.erase(request.upload_id());
  }
  response.set_durable_size(target.size);
  response.set_complete(true);
  return response;
}

absl::Status Uploads::MarkStored(const v1::AttemptRef& ref, const Target& target) {
  return runner_.RunAndWait([&](Mutation& mutation) -> absl::Status {
    RETURN_IF_ERROR(mutation.store.PutStoredFile(target.sha256, target.size));
    ASSIGN_OR_RETURN(const v1::Attempt attempt, CurrentAttempt(mutation.store, ref));
    ASSIGN_OR_RETURN(const v1::Job job, mutation.store.GetJob(attempt.job_id()));
    return StoreCompleteCheckpoints(mutation, job, attempt.number());
  });
}

absl::Status CheckIsInput(StoreReader& reader, const v1::AttemptRef& ref, absl::string_view sha256) {
  ASSIGN_OR_RETURN(const v1::Attempt attempt, CurrentAttempt(reader, ref));
  ASSIGN_OR_RETURN(const v1::Job job, reader.GetJob(attempt.job_id()));
  ASSIGN_OR_RETURN(const auto own, reader.Checkpoints(job.id()));
  const v1::Checkpoint* resume = FindCheckpoint(own, attempt.resumed_from());
  if (resume != nullptr && Holds(*resume, sha256)) return absl::OkStatus();
  if (job.parent_job() != 0) {
    ASSIGN_OR_RETURN(const auto of_parent, reader.Checkpoints(job.parent_job()));
    const v1::Checkpoint* parent = FindCheckpoint(of_parent, attempt.parent_checkpoint());
    if (parent != nullptr && Holds(*parent, sha256)) return absl::OkStatus();
  }
  return absl::NotFoundError(
      absl::StrCat("attempt ", ref.job_id(), ".", ref.attempt(), " starts from no file ", sha256));
}

}  // namespace ecgtrain
