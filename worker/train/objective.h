// What a training minimizes, as a function of a network and a batch.
#ifndef ECGTRAIN_WORKER_TRAIN_OBJECTIVE_H_
#define ECGTRAIN_WORKER_TRAIN_OBJECTIVE_H_

#include <ATen/core/Tensor.h>

#include "worker/model/network.h"
#include "worker/train/spec.h"

namespace ecgtrain {

// The input of one step. Tensors that a task does not use are undefined.
struct Batch {
  at::Tensor x;       // [records, 12, 1, samples], fp32, channels-last, millivolts
  at::Tensor mask;    // [records, 1 or 12, 1, samples], 1 where the network must not look
  at::Tensor signal;  // [records, 1, 1, samples], 0 in the padding
  at::Tensor labels;  // [records, classes], 0 or 1
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

// Logits [records, classes], fp32.
at::Tensor Logits(const Network& network, const at::Tensor& x, const ForwardMode& mode);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_OBJECTIVE_H_
