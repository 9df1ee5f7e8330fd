// Scores of a fine-tuned checkpoint on the test folds of a data set.
#ifndef ECGTRAIN_WORKER_TRAIN_EVALUATE_H_
#define ECGTRAIN_WORKER_TRAIN_EVALUATE_H_

#include "absl/status/statusor.h"
#include "worker/train/session.h"

namespace ecgtrain {

// Takes model and classes from inputs/parent; USER_ERROR where that is no classifier or knows other classes
// than the data set. Other errors as failure.h says.
absl::StatusOr<LoopEnd> Evaluate(Session& session);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_EVALUATE_H_
