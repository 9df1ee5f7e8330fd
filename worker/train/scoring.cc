#include "worker/train/scoring.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/artifact.h"
#include "worker/train/batch_feed.h"
#include "worker/train/failure.h"
#include "worker/train/pass_progress.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;

constexpr double kSmallest = 1e-300;  // keeps the logarithm finite

// Means of probability and of its complement over a record's windows, kept apart so that neither rounds to 0
// early.
struct Cell {
  double yes = 0;
  double no = 0;
};

Json OptionalNumber(const std::optional<double>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

std::string PredictionsCsv(const PredictionInput& input, const Predictions& predictions) {
  std::string text = "record";
  for (const std::string& name : input.pack.info().tasks[input.task].classes) {
    absl::StrAppend(&text, ",", CsvField(absl::StrCat("p:", name)), ",", CsvField(absl::StrCat("y:", name)));
  }
  text += '\n';
  for (size_t i = 0; i < input.records.size(); ++i) {
    absl::StrAppend(&text, CsvField(input.pack.record(input.records[i]).id));
    for (size_t k = i * predictions.classes; k < (i + 1) * predictions.classes; ++k) {
      absl::StrAppend(&text, ",", predictions.probabilities[k], ",", predictions.labels[k]);
    }
    text += '\n';
  }
  return text;
}

Json ScoresJson(const PredictionInput& input, const Predictions& predictions, const Scores& scores) {
  Json classes = Json::array();
  for (size_t i = 0; i < scores.classes.size(); ++i) {
    classes.push_back({{"name", input.pack.info().tasks[input.task].classes[i]},
                       {"positives", scores.classes[i].positives},
                       {"auroc", OptionalNumber(scores.classes[i].auroc)},
                       {"average_precision", OptionalNumber(scores.classes[i].average_precision)}});
  }
  return {{"format", 1},
          {"records", scores.records},
          {"loss", predictions.loss},
          {"auroc_macro", OptionalNumber(scores.auroc_macro)},
          {"auprc_macro", OptionalNumber(scores.auprc_macro)},
          {"f_max", {{"value", scores.f_max.value}, {"threshold", scores.f_max.threshold}}},
          {"classes_scored", scores.classes_scored},
          {"classes_left_out", scores.classes_left_out},
          {"classes", classes}};
}

// Adds the windows' logits to the cells of their records; `positions` are the windows' places in the record
// set.
void AddWindows(const at::Tensor& logits, absl::Span<const size_t> positions, size_t classes,
                std::vector<Cell>& cells) {
  const at::Tensor host = logits.cpu().contiguous();
  const float* values = host.const_data_ptr<float>();
  for (size_t i = 0; i < positions.size(); ++i) {
    for (size_t k = 0; k < classes; ++k) {
      const double logit = values[i * classes + k];
      Cell& cell = cells[positions[i] * classes + k];
      cell.yes += 1 / (1 + std::exp(-logit));
      cell.no += 1 / (1 + std::exp(logit));
    }
  }
}

void FillPredictions(const PredictionInput& input, const std::vector<Cell>& cells,
                     const std::vector<size_t>& window_counts, Predictions& predictions) {
  double loss = 0;
  for (size_t i = 0; i < input.records.size(); ++i) {
    const auto count = static_cast<double>(window_counts[i]);
    const std::vector<bool> labels = input.pack.labels(input.records[i], input.task);
    for (size_t k = 0; k < predictions.classes; ++k) {
      const Cell& cell = cells[i * predictions.classes + k];
      predictions.probabilities.push_back(static_cast<float>(cell.yes / count));
      predictions.labels.push_back(labels[k] ? 1 : 0);
      const double likelihood = (labels[k] ? cell.yes : cell.no) / count;
      loss -= std::isnan(likelihood) ? likelihood : std::log(std::max(likelihood, kSmallest));
    }
  }
  predictions.loss = loss / static_cast<double>(std::max<size_t>(cells.size(), 1));
}

}  // namespace

absl::StatusOr<std::optional<Predictions>> Predict(const PredictionInput& input, Pulse pulse) {
  const c10::InferenceMode no_gradients;
  Predictions predictions;
  predictions.classes = input.pack.info().tasks[input.task].classes.size();
  std::vector<Window> windows;
  std::vector<size_t> positions;
  std::vector<size_t> window_counts;
  for (size_t i = 0; i < input.records.size(); ++i) {
    const std::vector<Window> cover = input.batches.Cover(input.records[i]);
    windows.insert(windows.end(), cover.begin(), cover.end());
    positions.insert(positions.end(), cover.size(), i);
    window_counts.push_back(cover.size());
  }
  std::vector<Cell> cells(input.records.size() * predictions.classes);
  const size_t batch_count = (windows.size() + input.batch_size - 1) / input.batch_size;
  BatchFeed feed(0, batch_count, input.batches_ahead, [&](size_t number) {
    return input.batches.Signals(
        absl::MakeConstSpan(windows).subspan(number * input.batch_size, input.batch_size));
  });
  for (size_t begin = 0; begin < windows.size(); begin += input.batch_size) {
    const at::Tensor logits = Logits(input.network, feed.Next().x, ForwardMode{});
    AddWindows(logits, absl::MakeConstSpan(positions).subspan(begin, input.batch_size), predictions.classes,
               cells);
    ASSIGN_OR_RETURN(const bool go_on,
                     pulse(std::min(begin + input.batch_size, windows.size()), windows.size()));
    if (!go_on) return std::nullopt;
  }
  FillPredictions(input, cells, window_counts, predictions);
  return predictions;
}

absl::StatusOr<std::optional<Scores>> ScorePredictions(const Predictions& predictions) {
  const bool numbers = std::all_of(predictions.probabilities.begin(), predictions.probabilities.end(),
                                   [](float value) { return !std::isnan(value); });
  if (!numbers) return std::nullopt;
  ASSIGN_OR_RETURN(Scores scores,
                   ComputeScores(predictions.probabilities, predictions.labels, predictions.classes));
  return scores;
}

Metrics ScoreMetrics(const std::string& prefix, const Predictions& predictions,
                     const std::optional<Scores>& scores) {
  constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
  return {
      {prefix + "loss", predictions.loss},
      {prefix + "auroc_macro", scores.has_value() ? scores->auroc_macro.value_or(kUndefined) : kUndefined},
      {prefix + "f_max", scores.has_value() ? scores->f_max.value : kUndefined}};
}

absl::StatusOr<LoopEnd> ReportTest(Session& session, const PredictionInput& input, const TrainingLoop* loop) {
  RETURN_IF_ERROR(session.events.Append("phase", {{"phase", "testing"}}));
  PassProgress progress(session.events, session.clock);
  const auto pulse = [&](size_t done, size_t total) -> absl::StatusOr<bool> {
    // An evaluation has no steps but these.
    const TrainingPlace place =
        loop != nullptr ? loop->place()
                        : TrainingPlace{.step = done, .total_steps = total, .epoch = 1, .epochs = 1};
    RETURN_IF_ERROR(progress.Report(place, done, total));
    return !session.controls.StopRequested();
  };
  ASSIGN_OR_RETURN(const std::optional<Predictions> predictions, Predict(input, pulse));
  if (!predictions.has_value()) return LoopEnd::kStopped;
  ASSIGN_OR_RETURN(const std::optional<Scores> scores, ScorePredictions(*predictions));
  if (!scores.has_value()) {
    return Failure(run_directory::ExitReason::kNonFinite,
                   "the network's answers on the test folds are not numbers");
  }
  RETURN_IF_ERROR(session.events.Append("phase", {{"phase", "finishing"}}));
  Json report = ScoresJson(input, *predictions, *scores);
  StampLeaky(session, report);
  RETURN_IF_ERROR(WriteArtifact(session.folder, session.events, "predictions.csv", "predictions",
                                PredictionsCsv(input, *predictions)));
  RETURN_IF_ERROR(WriteArtifact(session.folder, session.events, "scores.json", "scores",
                                absl::StrCat(report.dump(1), "\n")));
  Json values = Json::object();
  for (const auto& [name, value] : ScoreMetrics("test/", *predictions, scores))
    values[name] = EventNumber(value);
  StampLeaky(session, values);
  if (loop != nullptr) StampApproximate(loop->state(), values);
  RETURN_IF_ERROR(session.events.Append("result", {{"values", values},
                                                   {"classes_scored", scores->classes_scored},
                                                   {"classes_left_out", scores->classes_left_out},
                                                   {"records", scores->records}}));
  return LoopEnd::kCompleted;
}

}  // namespace ecgtrain
