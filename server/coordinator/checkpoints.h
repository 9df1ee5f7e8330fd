// Which checkpoint is the best, the last, the one to go on from, and which may go. Pure functions over the
// rows of one job. Only STORED checkpoints count: a file on a worker may be gone tomorrow.
#ifndef ECGTRAIN_SERVER_COORDINATOR_CHECKPOINTS_H_
#define ECGTRAIN_SERVER_COORDINATOR_CHECKPOINTS_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

// "42.1/step-000001200": how attempts name checkpoints in their rows.
std::string CheckpointName(const v1::Checkpoint& checkpoint);

const v1::Checkpoint* FindCheckpoint(const std::vector<v1::Checkpoint>& checkpoints, absl::string_view name);

// A loss is better when smaller, every other metric when larger; NaN is worst.
bool IsBetterValue(absl::string_view metric, double a, double b);

// Null without a stored checkpoint (with a metric, for best). A tie goes to the earlier step.
const v1::Checkpoint* BestCheckpoint(const std::vector<v1::Checkpoint>& checkpoints);
// The newest by (attempt, step).
const v1::Checkpoint* LastCheckpoint(const std::vector<v1::Checkpoint>& checkpoints);

// Selector "best", "last" or "step:N". NOT_FOUND names what was looked for, INVALID_ARGUMENT another
// selector.
absl::StatusOr<const v1::Checkpoint*> SelectCheckpoint(const std::vector<v1::Checkpoint>& checkpoints,
                                                       absl::string_view selector);

// Where the next attempt of the job goes on: the newest checkpoint made since the last requeue, else what the
// requeue said (`restart_from`). Null: from the start. `attempts` tells which checkpoints proved corrupt;
// these and newer ones are passed over. NOT_FOUND when something corrupt was passed over and nothing sound is
// left, or when the named one is gone.
absl::StatusOr<const v1::Checkpoint*> ResumeCheckpoint(const v1::Job& job,
                                                       const std::vector<v1::Attempt>& attempts,
                                                       const std::vector<v1::Checkpoint>& checkpoints);

// Stored checkpoints beyond checkpoint.keep_last newest and keep_best best, without those named in `keep`
// (CheckpointName).
std::vector<v1::Checkpoint> SuperfluousCheckpoints(const v1::CheckpointSpec& spec,
                                                   const std::vector<v1::Checkpoint>& checkpoints,
                                                   const std::set<std::string>& keep);

// Sets `best` and `last` for an answer.
void MarkBestAndLast(std::vector<v1::Checkpoint>& checkpoints);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_CHECKPOINTS_H_
