#include "server/coordinator/retention.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/coordinator/checkpoints.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/proto_time.h"

namespace ecgtrain {
namespace {

absl::StatusOr<bool> AllStored(StoreReader& reader, const v1::Checkpoint& checkpoint) {
  for (const v1::ArtifactFile& file : checkpoint.files()) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size, reader.StoredFile(file.sha256()));
    if (!size || *size != file.size()) return false;
  }
  return true;
}

// What others need: the resume checkpoint of the live attempt, and what waiting or running children start
// from.
absl::StatusOr<std::set<std::string>> NeededByOthers(StoreReader& reader, const v1::Job& job,
                                                     const std::vector<v1::Checkpoint>& checkpoints) {
  std::set<std::string> needed;
  if (job.attempts() > 0) {
    ASSIGN_OR_RETURN(const v1::Attempt last, reader.GetAttempt(job.id(), job.attempts()));
    if (last.state() != v1::ENDED) needed.insert(last.resumed_from());
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> dependents, reader.WaitingDependents(job.id()));
  for (const int64_t id : dependents) {
    ASSIGN_OR_RETURN(const v1::Job child, reader.GetJob(id));
    if (child.parent_job() != job.id()) continue;
    if (child.attempts() > 0) {
      ASSIGN_OR_RETURN(const v1::Attempt last, reader.GetAttempt(id, child.attempts()));
      needed.insert(last.parent_checkpoint());
    }
    const auto selected = SelectCheckpoint(checkpoints, child.parent_selector());
    if (selected.ok()) needed.insert(CheckpointName(**selected));
  }
  return needed;
}

absl::Status DeleteSuperfluous(Mutation& mutation, const v1::Job& job) {
  ASSIGN_OR_RETURN(const auto checkpoints, mutation.store.Checkpoints(job.id()));
  ASSIGN_OR_RETURN(const std::set<std::string> needed, NeededByOthers(mutation.store, job, checkpoints));
  for (const v1::Checkpoint& checkpoint :
       SuperfluousCheckpoints(job.spec().checkpoint(), checkpoints, needed)) {
    RETURN_IF_ERROR(mutation.store.DeleteCheckpoint(job.id(), checkpoint.attempt(), checkpoint.name()));
  }
  return absl::OkStatus();
}

absl::Status StoreArtifacts(Mutation& mutation, const v1::Job& job, uint32_t attempt) {
  ASSIGN_OR_RETURN(std::vector<v1::Artifact> artifacts, mutation.store.Artifacts(job.id()));
  for (v1::Artifact& artifact : artifacts) {
    if (artifact.attempt() != attempt || artifact.stored()) continue;
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size, mutation.store.StoredFile(artifact.file().sha256()));
    if (!size || *size != artifact.file().size()) continue;
    artifact.set_stored(true);
    RETURN_IF_ERROR(mutation.store.PutArtifact(artifact));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status StoreCompleteCheckpoints(Mutation& mutation, const v1::Job& job, uint32_t attempt) {
  RETURN_IF_ERROR(StoreArtifacts(mutation, job, attempt));
  ASSIGN_OR_RETURN(std::vector<v1::Checkpoint> checkpoints, mutation.store.Checkpoints(job.id()));
  bool any = false;
  for (v1::Checkpoint& checkpoint : checkpoints) {
    if (checkpoint.attempt() != attempt || checkpoint.state() == v1::STORED) continue;
    ASSIGN_OR_RETURN(const bool complete, AllStored(mutation.store, checkpoint));
    if (!complete) continue;
    any = true;
    checkpoint.set_state(v1::STORED);
    *checkpoint.mutable_stored() = ToProtoTime(mutation.now);
    RETURN_IF_ERROR(mutation.store.PutCheckpoint(checkpoint));
    RETURN_IF_ERROR(RecordEvent(mutation, job,
                                {.event = "checkpoint_stored",
                                 .actor = "coordinator",
                                 .message = checkpoint.name(),
                                 .attempt = attempt}));
  }
  return any ? DeleteSuperfluous(mutation, job) : absl::OkStatus();
}

absl::Status NoteRemovedCheckpoint(Mutation& mutation, const v1::Job& job, uint32_t attempt,
                                   absl::string_view name) {
  ASSIGN_OR_RETURN(std::vector<v1::Checkpoint> checkpoints, mutation.store.Checkpoints(job.id()));
  for (v1::Checkpoint& checkpoint : checkpoints) {
    if (checkpoint.attempt() != attempt || checkpoint.name() != name) continue;
    if (checkpoint.state() != v1::STORED) return mutation.store.DeleteCheckpoint(job.id(), attempt, name);
    checkpoint.set_removed_locally(true);
    return mutation.store.PutCheckpoint(checkpoint);
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
