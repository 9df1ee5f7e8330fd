// Masked self-supervised pretraining of the U-ResNet (paper.md, sections 0 and 1.1).
#ifndef ECGTRAIN_WORKER_TRAIN_PRETRAIN_H_
#define ECGTRAIN_WORKER_TRAIN_PRETRAIN_H_

#include "absl/status/statusor.h"
#include "worker/train/session.h"

namespace ecgtrain {

// Trains, then reports the best validation loss beside that of reconstructing zeros. Errors as failure.h
// says.
absl::StatusOr<LoopEnd> Pretrain(Session& session);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_PRETRAIN_H_
