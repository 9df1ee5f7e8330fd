// A classifier's predictions on a set of records, and what becomes of them: metrics and artifacts.
#ifndef ECGTRAIN_WORKER_TRAIN_SCORING_H_
#define ECGTRAIN_WORKER_TRAIN_SCORING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/pack.h"
#include "worker/eval/scores.h"
#include "worker/model/network.h"
#include "worker/train/batch.h"
#include "worker/train/record_set.h"
#include "worker/train/session.h"
#include "worker/train/training_state.h"
#include "worker/train/training_task.h"

namespace ecgtrain {

struct Predictions {
  size_t classes = 0;
  std::vector<float> probabilities;  // [records, classes]
  std::vector<uint8_t> labels;       // [records, classes], 0 or 1
  double loss = 0;                   // mean binary cross-entropy
};

struct PredictionInput {
  const Network& network;
  const Pack& pack;
  const BatchMaker& batches;
  const RecordSet& records;
  size_t task = 0;  // of the pack
  size_t batch_size = 1;
  size_t batches_ahead = 1;  // as in ComputeDevice
};

// Probabilities of each record: the mean over windows that cover it. Nothing where `pulse` ended the pass.
absl::StatusOr<std::optional<Predictions>> Predict(const PredictionInput& input, Pulse pulse);

// Their scores; nothing where a probability is not a number.
absl::StatusOr<std::optional<Scores>> ScorePredictions(const Predictions& predictions);

// `prefix`loss, `prefix`auroc_macro and `prefix`f_max; not-a-number where undefined.
Metrics ScoreMetrics(const std::string& prefix, const Predictions& predictions,
                     const std::optional<Scores>& scores);

// Scores the records on the test folds and reports them: `phase`, artifacts/predictions.csv,
// artifacts/scores.json and `result`. `loop` is the training that made the weights; none in an evaluation.
// NON_FINITE where the network answers with something else than numbers.
absl::StatusOr<LoopEnd> ReportTest(Session& session, const PredictionInput& input, const TrainingLoop* loop);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_SCORING_H_
