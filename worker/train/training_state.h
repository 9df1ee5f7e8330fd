// Where a training is: all that resuming needs besides tensors. Kept as state.json.
#ifndef ECGTRAIN_WORKER_TRAIN_TRAINING_STATE_H_
#define ECGTRAIN_WORKER_TRAIN_TRAINING_STATE_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "worker/train/schedule.h"

namespace ecgtrain {

using Metrics = std::map<std::string, double>;

struct TrainingState {
  uint64_t step = 0;           // optimizer steps done
  uint64_t epoch = 0;          // epochs done, validation included
  uint64_t step_in_epoch = 0;  // of the epoch under way
  uint64_t best_step = 0;      // 0: none yet
  PlateauSchedule::State plateau;
  Metrics best;  // all validation metrics of the best epoch
  // Times it went on in an environment other than its checkpoint's, where numbers may differ in their last
  // digits.
  uint64_t approximate_resumes = 0;
};

// How far a training is, as `progress` events say it.
struct TrainingPlace {
  uint64_t step = 0;
  uint64_t total_steps = 0;
  uint64_t epoch = 0;  // from 1
  uint64_t epochs = 0;
};

nlohmann::json PlaceToJson(const TrainingPlace& place);

nlohmann::json StateToJson(const TrainingState& state);
// DATA_LOSS naming the member that is missing or of another type.
absl::StatusOr<TrainingState> StateFromJson(const nlohmann::json& json);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_TRAINING_STATE_H_
