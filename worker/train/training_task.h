// What pretraining and fine-tuning differ in, for the loop they share.
#ifndef ECGTRAIN_WORKER_TRAIN_TRAINING_TASK_H_
#define ECGTRAIN_WORKER_TRAIN_TRAINING_TASK_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "worker/model/network.h"
#include "worker/train/objective.h"
#include "worker/train/record_set.h"
#include "worker/train/training_state.h"

namespace ecgtrain {

// Called between the batches of a long pass, when `done` of its `total` records are through: false where it
// is to end at once.
using Pulse = absl::FunctionRef<absl::StatusOr<bool>(size_t done, size_t total)>;

// Bound to one thread, MakeBatch apart.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  virtual Network& network() = 0;
  virtual const RecordSet& training_records() const = 0;

  // The input of one step: a function of the records, the epoch and the task's seed. Thread-safe, also beside
  // the other methods.
  virtual Batch MakeBatch(absl::Span<const size_t> records, uint64_t epoch) const = 0;
  // Scalar, fp32, with a graph to the working weights.
  virtual at::Tensor Loss(const Batch& batch, const ForwardMode& mode) const = 0;

  // "validation/..." metrics of the weights as they are; nothing where `pulse` ended it.
  virtual absl::StatusOr<std::optional<Metrics>> Validate(Pulse pulse) const = 0;

  // Whether the loop has to remember the best weights, because the task goes on with them.
  virtual bool needs_best_weights() const = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_TRAINING_TASK_H_
