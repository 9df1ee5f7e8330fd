// What a training minimizes, as a function of a network and a batch.
#ifndef ECGTRAIN_WORKER_TRAIN_OBJECTIVE_H_
#define ECGTRAIN_WORKER_TRAIN_OBJECTIVE_H_

#include <ATen/core/Tensor.h>

#include "worker/model/network.h"
#include "worker/train/spec.h"

namespace ecgtrain {

// The input of one step. Tensors that a task does not use are undefined.
struct Batch {
  // What the network sees: [records, 12, 1, samples], channels-last, millivolts, zeros where it must not
  // look. Of the network's working type, fp32 or bfloat16.
  at::Tensor x;
  at::Tensor target;  // the same with nothing hidden, fp32
  at::Tensor mask;    // [records, 1 or 12, 1, samples], fp32, 1 where x is hidden
  at::Tensor signal;  // [records, 1, 1, samples], fp32, 1 but for the padding
  at::Tensor labels;  // [records, classes], fp32, 0 or 1
};

// A mean that can be joined with those of other batches.
struct LossTerms {
  at::Tensor sum;    // scalar
  at::Tensor count;  // scalar, at least 1
};

// Squared error, mV^2, of the reconstruction of a masked batch over `region` (paper.md, section 0).
LossTerms ReconstructionLoss(const Network& network, const Batch& batch, LossRegion region,
                             const ForwardMode& mode);

// The same error of a reconstruction that is all zeros: what a network must beat.
LossTerms ZeroReconstructionLoss(const Batch& batch, LossRegion region);

// Mean binary cross-entropy of the labels.
at::Tensor ClassificationLoss(const Network& network, const Batch& batch, const ForwardMode& mode);

// Logits [records, classes], fp32, of Batch::x.
at::Tensor Logits(const Network& network, const at::Tensor& x, const ForwardMode& mode);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_OBJECTIVE_H_
