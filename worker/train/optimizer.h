// Adam and AdamW over fp32 masters, with the gradient clipped by its whole norm; nothing in a step waits for
// the device.
#ifndef ECGTRAIN_WORKER_TRAIN_OPTIMIZER_H_
#define ECGTRAIN_WORKER_TRAIN_OPTIMIZER_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/model/weights.h"

namespace ecgtrain {

struct OptimizerConfig {
  bool decoupled_weight_decay = false;  // AdamW; else weight decay is added to the gradient, as in Adam
  double weight_decay = 0;
  double clip_norm = 1;  // 0: no clipping
};

// Bound to one thread; `weights` outlives it.
class Optimizer {
 public:
  Optimizer(Weights& weights, const OptimizerConfig& config);

  void ClearGradients();

  // One update with the gradients that backward() left on the working tensors. A step whose `loss` or
  // gradient is not finite changes nothing. Returns the gradient's norm before clipping, a scalar tensor.
  at::Tensor Step(double learning_rate, const at::Tensor& loss);

  // 1 where the last step was left out for not being finite, else 0: a scalar tensor.
  const at::Tensor& skipped() const { return skipped_; }

  // Moments and step count under canonical names, contiguous fp32 copies on the CPU.
  std::vector<NamedTensor> State() const;
  // INVALID_ARGUMENT naming the tensor that is absent or has another shape; the object is not to be used
  // then.
  absl::Status Load(absl::Span<const NamedTensor> state);

 private:
  // Gradients as fp32, in the masters' layout.
  void CollectGradients();

  Weights& weights_;
  OptimizerConfig config_;
  std::vector<at::Tensor> masters_;
  std::vector<at::Tensor> gradients_;
  std::vector<at::Tensor> means_;
  std::vector<at::Tensor> squares_;
  at::Tensor step_;  // scalar, shared by all parameters
  at::Tensor skipped_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_OPTIMIZER_H_
