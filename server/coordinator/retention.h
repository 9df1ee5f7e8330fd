// Which files become STORED checkpoints, and which stored checkpoints go again.
//
// Rows first, files later by the sweep: a crash leaks nothing past the next sweep. Never deleted: the last
// usable checkpoint, the best, what a live attempt resumes from, and what the `from` of a job not ended
// means.
#ifndef ECGTRAIN_SERVER_COORDINATOR_RETENTION_H_
#define ECGTRAIN_SERVER_COORDINATOR_RETENTION_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/coordinator/mutation.h"

namespace ecgtrain {

// Marks checkpoints of the attempt STORED, and artifacts stored, whose files are all verified in the artifact
// store; applies the job's retention after each. `job` with its specification.
absl::Status StoreCompleteCheckpoints(Mutation& mutation, const v1::Job& job, uint32_t attempt);

// The trainer has deleted the checkpoint on its worker. A row that was not stored goes; a stored one stays as
// long as the job's retention keeps it.
absl::Status NoteRemovedCheckpoint(Mutation& mutation, const v1::Job& job, uint32_t attempt,
                                   absl::string_view name);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_RETENTION_H_
