// ReLU followed by dropout in one pass over the data, forward and backward.
//
// Which elements are dropped is a hash of (key, position), so nothing is drawn from a generator; the mask is
// not stored either, for the backward pass finds it in the output being above zero.
#ifndef ECGTRAIN_WORKER_MODEL_RELU_DROPOUT_H_
#define ECGTRAIN_WORKER_MODEL_RELU_DROPOUT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ecgtrain {

// `x` of any shape, fp32 or bfloat16, dense; kept elements are scaled by 1 / (1 - probability). Not-a-number
// stays what it is. On a GPU the mask comes from the device's generator, which the caller seeds for each
// step.
at::Tensor ReluDropout(const at::Tensor& x, double probability, uint64_t key);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_RELU_DROPOUT_H_
