// Fine-tuning of the encoder for multi-label classification (paper.md, sections 0 and 7).
#ifndef ECGTRAIN_WORKER_TRAIN_FINETUNE_H_
#define ECGTRAIN_WORKER_TRAIN_FINETUNE_H_

#include "absl/status/statusor.h"
#include "worker/train/session.h"

namespace ecgtrain {

// Trains, from inputs/parent where the specification names it, then scores the best epoch's weights on the
// test folds. The encoder's sizes are those of the parent. Errors as failure.h says.
absl::StatusOr<LoopEnd> Finetune(Session& session);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_FINETUNE_H_
