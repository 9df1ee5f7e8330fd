#include "worker/train/pretrain.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "common/status_macros.h"
#include "worker/model/model_table.h"
#include "worker/train/batch.h"
#include "worker/train/batch_feed.h"
#include "worker/train/failure.h"
#include "worker/train/pass_progress.h"

namespace ecgtrain {
namespace {

// A mean over batches, in double precision on the host.
struct RunningMean {
  double sum = 0;
  double count = 0;
  void Add(const LossTerms& terms) {
    sum += terms.sum.item<double>();
    count += terms.count.item<double>();
  }
  double value() const { return sum / std::max(count, 1.0); }
};

class PretrainTask final : public TrainingTask {
 public:
  PretrainTask(const Session& session, const TrainingRecords& records, std::unique_ptr<Network> network)
      : spec_(session.spec),
        records_(records),
        batches_(*session.pack, session.spec.signal, session.device),
        batches_ahead_(session.device.batches_ahead),
        network_(std::move(network)) {}

  Network& network() override { return *network_; }
  const RecordSet& training_records() const override { return records_.training; }
  bool needs_best_weights() const override { return false; }

  Batch MakeBatch(absl::Span<const size_t> records, uint64_t epoch) const override {
    return MaskedBatch(records, {spec_.augment, spec_.seed, epoch}, RandomPurpose::kMask);
  }

  at::Tensor Loss(const Batch& batch, const ForwardMode& mode) const override {
    const LossTerms terms = ReconstructionLoss(*network_, batch, spec_.loss_region, mode);
    return terms.sum.div(terms.count);
  }

  absl::StatusOr<std::optional<Metrics>> Validate(Pulse pulse) const override {
    const auto loss = [this](const Batch& batch) {
      return ReconstructionLoss(*network_, batch, spec_.loss_region, ForwardMode{});
    };
    ASSIGN_OR_RETURN(const std::optional<double> mean, MeanOverValidation(loss, pulse));
    if (!mean.has_value()) return std::nullopt;
    return Metrics{{"validation/loss", *mean}};
  }

  // The validation loss of a network that answers zeros.
  absl::StatusOr<std::optional<double>> ZeroBaseline(Pulse pulse) const {
    const auto loss = [this](const Batch& batch) { return ZeroReconstructionLoss(batch, spec_.loss_region); };
    return MeanOverValidation(loss, pulse);
  }

 private:
  Batch MaskedBatch(absl::Span<const size_t> records, const Augmentation& augmentation,
                    RandomPurpose purpose) const {
    return batches_.MaskedSignals(batches_.Windows(records, augmentation), augmentation,
                                  {spec_.mask, spec_.seed, purpose, augmentation.epoch});
  }

  // Records as they are, and the same masks each time: epochs are comparable.
  absl::StatusOr<std::optional<double>> MeanOverValidation(absl::FunctionRef<LossTerms(const Batch&)> loss,
                                                           Pulse pulse) const {
    const c10::InferenceMode no_gradients;
    RunningMean mean;
    const size_t total = records_.validation.size();
    const size_t batch_size = spec_.schedule.batch_size;
    const size_t batch_count = (total + batch_size - 1) / batch_size;
    BatchFeed feed(0, batch_count, batches_ahead_, [&](size_t number) {
      const auto records = absl::MakeConstSpan(records_.validation).subspan(number * batch_size, batch_size);
      return MaskedBatch(records, Augmentation(), RandomPurpose::kValidationMask);
    });
    for (size_t number = 0; number < batch_count; ++number) {
      mean.Add(loss(feed.Next()));
      ASSIGN_OR_RETURN(const bool go_on, pulse(std::min((number + 1) * batch_size, total), total));
      if (!go_on) return std::nullopt;
    }
    return mean.value();
  }

  const TrainerSpec& spec_;
  const TrainingRecords& records_;
  BatchMaker batches_;
  size_t batches_ahead_;
  std::unique_ptr<Network> network_;
};

absl::StatusOr<LoopEnd> ReportResult(Session& session, const PretrainTask& task,
                                     const TrainingRecords& records, const TrainingLoop& loop) {
  RETURN_IF_ERROR(session.events.Append("phase", {{"phase", "finishing"}}));
  PassProgress progress(session.events, session.clock);
  const auto pulse = [&](size_t done, size_t total) -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(progress.Report(loop.place(), done, total));
    return !session.controls.StopRequested();
  };
  ASSIGN_OR_RETURN(const std::optional<double> baseline, task.ZeroBaseline(pulse));
  if (!baseline.has_value()) return LoopEnd::kStopped;
  nlohmann::json values = {{"validation/loss_of_zeros", EventNumber(*baseline)},
                           {"best_step", loop.state().best_step}};
  for (const auto& [name, value] : loop.state().best) values[name] = EventNumber(value);
  StampApproximate(loop.state(), values);
  RETURN_IF_ERROR(
      session.events.Append("result", {{"values", values}, {"records", records.validation.size()}}));
  return LoopEnd::kCompleted;
}

}  // namespace

absl::StatusOr<LoopEnd> Pretrain(Session& session) {
  const TrainerSpec& spec = session.spec;
  TrainingRecords records;
  ASSIGN_OR_RETURN(records.training, SelectFolds(*session.pack, spec.folds.train, std::nullopt, "train"));
  ASSIGN_OR_RETURN(records.validation,
                   SelectFolds(*session.pack, spec.folds.validation, std::nullopt, "validation"));
  ASSIGN_OR_RETURN(auto network,
                   MakePretrainingNetwork(spec.model, {.seed = spec.seed,
                                                       .bfloat16 = session.device.bfloat16,
                                                       .device = session.device.device}),
                   WithReason(_, run_directory::ExitReason::kUserError));
  PretrainTask task(session, records, std::move(network));
  return Train(session, task, records, /*classes=*/{},
               [&](const TrainingLoop& loop) { return ReportResult(session, task, records, loop); });
}

}  // namespace ecgtrain
