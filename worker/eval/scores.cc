#include "worker/eval/scores.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr int kSteps = 100;  // thresholds 0 / 100 to 100 / 100

absl::Status CheckInput(absl::Span<const float> probabilities, absl::Span<const uint8_t> labels,
                        size_t classes) {
  if (classes == 0 || probabilities.empty() || probabilities.size() % classes != 0 ||
      probabilities.size() != labels.size()) {
    return absl::InvalidArgumentError(absl::StrCat("scores: expected records x ", classes,
                                                   " probabilities and as many labels, found ",
                                                   probabilities.size(), " and ", labels.size()));
  }
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (!(probabilities[i] >= 0 && probabilities[i] <= 1)) {
      return absl::InvalidArgumentError(absl::StrCat("scores: record ", i / classes, ", class ", i % classes,
                                                     ": expected a probability from 0 to 1, found ",
                                                     probabilities[i]));
    }
    if (labels[i] > 1) {
      return absl::InvalidArgumentError(absl::StrCat("scores: record ", i / classes, ", class ", i % classes,
                                                     ": expected label 0 or 1, found ", labels[i]));
    }
  }
  return absl::OkStatus();
}

// The highest k with probability >= k / 100: the class is predicted at the thresholds 0 to k.
int LastThreshold(float probability) {
  const double value = probability;
  int k = static_cast<int>(value * kSteps);
  while (k < kSteps && value >= static_cast<double>(k + 1) / kSteps) ++k;
  while (k > 0 && value < static_cast<double>(k) / kSteps) --k;
  return k;
}

// Sums over records, for each threshold.
struct Sums {
  double precision = 0;
  double recall = 0;
  size_t with_prediction = 0;
};

// Adds one record to the sums.
void AddRecord(absl::Span<const float> probabilities, absl::Span<const uint8_t> labels,
               std::array<Sums, kSteps + 1>& sums) {
  std::array<int, kSteps + 1> predicted = {}, right = {};
  for (size_t k = 0; k < probabilities.size(); ++k) {
    const int last = LastThreshold(probabilities[k]);
    ++predicted[last];
    right[last] += labels[k];
  }
  const int positives = std::accumulate(labels.begin(), labels.end(), 0);
  for (int k = kSteps, all = 0, hits = 0; k >= 0; --k) {
    all += predicted[k];
    hits += right[k];
    if (all > 0) {
      sums[k].precision += static_cast<double>(hits) / all;
      ++sums[k].with_prediction;
    }
    if (positives > 0) sums[k].recall += static_cast<double>(hits) / positives;
  }
}

}  // namespace

ClassScores ScoreClass(absl::Span<const float> probabilities, absl::Span<const uint8_t> labels) {
  ClassScores scores;
  scores.positives = std::accumulate(labels.begin(), labels.end(), size_t{0});
  const size_t negatives = labels.size() - scores.positives;
  if (scores.positives == 0 || negatives == 0) return scores;
  std::vector<size_t> order(labels.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return probabilities[a] > probabilities[b]; });
  double won = 0;  // pairs of a positive above a negative; equal ones count half
  double precision_area = 0;
  size_t hits = 0, misses = 0;
  for (size_t first = 0; first < order.size();) {
    size_t end = first, tied_hits = 0;
    for (; end < order.size() && probabilities[order[end]] == probabilities[order[first]]; ++end) {
      tied_hits += labels[order[end]];
    }
    const size_t tied_misses = end - first - tied_hits;
    won += static_cast<double>(tied_hits) *
           (static_cast<double>(negatives - misses - tied_misses) + static_cast<double>(tied_misses) / 2);
    hits += tied_hits;
    misses += tied_misses;
    precision_area +=
        static_cast<double>(tied_hits) * static_cast<double>(hits) / static_cast<double>(hits + misses);
    first = end;
  }
  scores.auroc = won / (static_cast<double>(scores.positives) * static_cast<double>(negatives));
  scores.average_precision = precision_area / static_cast<double>(scores.positives);
  return scores;
}

FMax ComputeFMax(absl::Span<const float> probabilities, absl::Span<const uint8_t> labels, size_t classes) {
  std::array<Sums, kSteps + 1> sums = {};
  size_t with_label = 0;
  for (size_t at = 0; at < labels.size(); at += classes) {
    const absl::Span<const uint8_t> record_labels = labels.subspan(at, classes);
    AddRecord(probabilities.subspan(at, classes), record_labels, sums);
    with_label += std::find(record_labels.begin(), record_labels.end(), 1) != record_labels.end();
  }
  FMax best;
  for (int k = 0; k <= kSteps; ++k) {
    if (sums[k].with_prediction == 0 || with_label == 0) continue;
    const double precision = sums[k].precision / static_cast<double>(sums[k].with_prediction);
    const double recall = sums[k].recall / static_cast<double>(with_label);
    if (precision + recall == 0) continue;
    const double f = 2 * precision * recall / (precision + recall);
    if (f > best.value) best = {f, static_cast<double>(k) / kSteps};
  }
  return best;
}

absl::StatusOr<Scores> ComputeScores(absl::Span<const float> probabilities, absl::Span<const uint8_t> labels,
                                     size_t classes) {
  RETURN_IF_ERROR(CheckInput(probabilities, labels, classes));
  Scores scores;
  scores.records = labels.size() / classes;
  std::vector<float> class_probabilities(scores.records);
  std::vector<uint8_t> class_labels(scores.records);
  double auroc_sum = 0, precision_sum = 0;
  for (size_t k = 0; k < classes; ++k) {
    for (size_t i = 0; i < scores.records; ++i) {
      class_probabilities[i] = probabilities[i * classes + k];
      class_labels[i] = labels[i * classes + k];
    }
    scores.classes.push_back(ScoreClass(class_probabilities, class_labels));
    if (!scores.classes.back().auroc) {
      ++scores.classes_left_out;
      continue;
    }
    ++scores.classes_scored;
    auroc_sum += *scores.classes.back().auroc;
    precision_sum += *scores.classes.back().average_precision;
  }
  if (scores.classes_scored > 0) {
    scores.auroc_macro = auroc_sum / static_cast<double>(scores.classes_scored);
    scores.auprc_macro = precision_sum / static_cast<double>(scores.classes_scored);
  }
  scores.f_max = ComputeFMax(probabilities, labels, classes);
  return scores;
}

}  // namespace ecgtrain
