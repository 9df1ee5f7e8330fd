// What training sees of a model.
#ifndef ECGTRAIN_WORKER_MODEL_NETWORK_H_
#define ECGTRAIN_WORKER_MODEL_NETWORK_H_

#include <ATen/core/Tensor.h>

#include "worker/model/layers.h"
#include "worker/model/weights.h"

namespace ecgtrain {

// Bound to one thread.
class Network {
 public:
  explicit Network(const Weights::Options& options) : weights_(options) {}
  virtual ~Network() = default;

  // `x` is [batch, leads, 1, samples], channels-last, millivolts, of the working type (fp32 or bfloat16). A
  // pretraining network answers with the reconstruction in the same shape, a classifier with logits [batch,
  // classes].
  virtual at::Tensor Forward(const at::Tensor& x, const ForwardMode& mode) const = 0;

  // The encoder is used as it is from now on: no gradients, no dropout, running statistics instead of a
  // batch's own.
  virtual void FreezeEncoder() = 0;

  Weights& weights() { return weights_; }
  const Weights& weights() const { return weights_; }

 protected:
  Weights weights_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_NETWORK_H_
