// Collects loss and gradient norm of the steps between two log lines, on the device: reading a value would
// wait for it.
#ifndef ECGTRAIN_WORKER_TRAIN_STEP_METER_H_
#define ECGTRAIN_WORKER_TRAIN_STEP_METER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/model/weights.h"

namespace ecgtrain {

// Bound to one thread.
class StepMeter {
 public:
  explicit StepMeter(at::Device device);

  // Scalars of one step; `skipped` is 1 where the step was left out for not being finite.
  void Add(const at::Tensor& loss, const at::Tensor& gradient_norm, const at::Tensor& skipped);

  struct Reading {
    uint64_t steps = 0;
    double loss = 0;  // means over the steps
    double gradient_norm = 0;
    uint64_t skipped = 0;      // steps left out
    uint64_t skipped_run = 0;  // longest run of them, counted over readings
  };
  // Waits for the device.
  Reading Read() const;
  // Starts the next interval.
  void Clear();

  // All of it, for a checkpoint taken within an interval.
  std::vector<NamedTensor> State() const;
  // INVALID_ARGUMENT where it is missing.
  absl::Status Load(absl::Span<const NamedTensor> state);

 private:
  // fp64: steps, sum of losses, sum of norms, skipped, current run, longest run.
  at::Tensor sums_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_STEP_METER_H_
