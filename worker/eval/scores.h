// Scores of a multi-label classifier (paper.md section 7, table A): AUROC and average precision by class, and
// F_max as the PTB-XL benchmark defines it. Thread-safe: pure functions.
#ifndef ECGTRAIN_WORKER_EVAL_SCORES_H_
#define ECGTRAIN_WORKER_EVAL_SCORES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace ecgtrain {

struct ClassScores {
  size_t positives = 0;
  // Nothing where the class has no positive or no negative record: neither is defined then.
  std::optional<double> auroc;              // rank based; ties count half
  std::optional<double> average_precision;  // area under the precision-recall steps, ties taken together
};

struct FMax {
  double value = 0;
  double threshold = 0;  // the lowest that reaches it
};

struct Scores {
  size_t records = 0;
  std::vector<ClassScores> classes;
  size_t classes_scored = 0;
  size_t classes_left_out = 0;
  // Means over the scored classes; nothing when there is none.
  std::optional<double> auroc_macro;
  std::optional<double> auprc_macro;
  FMax f_max;
};

// `probabilities` and `labels` (0 or 1) are [records, classes], row after row. INVALID_ARGUMENT when the
// sizes do not fit, there is no record, a probability lies outside 0 to 1 (or is NaN), or a label is neither
// 0 nor 1.
absl::StatusOr<Scores> ComputeScores(absl::Span<const float> probabilities, absl::Span<const uint8_t> labels,
                                     size_t classes);

// The parts, for checked input. REQUIRES: equal sizes.
ClassScores ScoreClass(absl::Span<const float> probabilities, absl::Span<const uint8_t> labels);

// Sample-centric: for the thresholds 0, 0.01, ... 1 a class is predicted where its probability reaches the
// threshold. Precision is the mean over the records with a predicted class, recall the mean over those with a
// true class; F is the harmonic mean of the two means. The threshold is picked on the evaluated records, as
// in the original.
FMax ComputeFMax(absl::Span<const float> probabilities, absl::Span<const uint8_t> labels, size_t classes);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_EVAL_SCORES_H_
