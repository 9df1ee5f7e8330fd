#include "worker/train/finetune.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/model/encoder.h"
#include "worker/model/model_table.h"
#include "worker/train/failure.h"
#include "worker/train/manifest.h"
#include "worker/train/scoring.h"

namespace ecgtrain {
namespace {

using run_directory::ExitReason;

class FinetuneTask final : public TrainingTask {
 public:
  FinetuneTask(const Session& session, const TrainingRecords& records, size_t label_task,
               std::unique_ptr<Network> network)
      : spec_(session.spec),
        pack_(*session.pack),
        records_(records),
        label_task_(label_task),
        batches_(*session.pack, session.spec.signal, session.device),
        batches_ahead_(session.device.batches_ahead),
        network_(std::move(network)) {}

  Network& network() override { return *network_; }
  const RecordSet& training_records() const override { return records_.training; }
  bool needs_best_weights() const override { return true; }

  Batch MakeBatch(absl::Span<const size_t> records, uint64_t epoch) const override {
    const Augmentation augmentation{spec_.augment, spec_.seed, epoch};
    const std::vector<Window> windows = batches_.Windows(records, augmentation);
    Batch batch = batches_.Signals(windows, augmentation);
    batch.labels = batches_.Labels(windows, label_task_);
    return batch;
  }

  at::Tensor Loss(const Batch& batch, const ForwardMode& mode) const override {
    return ClassificationLoss(*network_, batch, mode);
  }

  absl::StatusOr<std::optional<Metrics>> Validate(Pulse pulse) const override {
    ASSIGN_OR_RETURN(const std::optional<Predictions> predictions,
                     Predict(Input(records_.validation), pulse));
    if (!predictions.has_value()) return std::nullopt;
    ASSIGN_OR_RETURN(const std::optional<Scores> scores, ScorePredictions(*predictions));
    return ScoreMetrics("validation/", *predictions, scores);
  }

  PredictionInput Input(const RecordSet& records) const {
    return {*network_, pack_, batches_, records, label_task_, spec_.schedule.batch_size, batches_ahead_};
  }

 private:
  const TrainerSpec& spec_;
  const Pack& pack_;
  const TrainingRecords& records_;
  size_t label_task_;
  BatchMaker batches_;
  size_t batches_ahead_;
  std::unique_ptr<Network> network_;
};

// A job that starts from another has the other's encoder, whatever its own specification says.
absl::StatusOr<ModelConfig> ModelFrom(const Checkpoint& parent, const TrainerSpec& spec) {
  ASSIGN_OR_RETURN(ModelConfig model, ModelOfManifest(parent.manifest),
                   WithReason(_, ExitReason::kCheckpointCorrupt));
  model.head = spec.model.head;
  model.dropout = spec.model.dropout;
  model.samples = spec.model.samples;
  return model;
}

absl::StatusOr<std::unique_ptr<Network>> MakeNetwork(Session& session, size_t classes,
                                                     const RecordSet& test) {
  TrainerSpec& spec = session.spec;
  std::optional<Checkpoint> parent;
  if (!spec.parent.empty()) {
    ASSIGN_OR_RETURN(parent, ReadParent(session));
    ASSIGN_OR_RETURN(spec.model, ModelFrom(*parent, spec));
    RETURN_IF_ERROR(CheckUnseen(session, test, parent->manifest));
    RETURN_IF_ERROR(WarnOfOtherSignal(session, parent->manifest));
  }
  spec.model.classes = static_cast<int64_t>(classes);
  ASSIGN_OR_RETURN(auto network,
                   MakeClassifier(spec.model, {.seed = spec.seed,
                                               .bfloat16 = session.device.bfloat16,
                                               .device = session.device.device}),
                   WithReason(_, ExitReason::kUserError));
  if (parent.has_value()) {
    const absl::Status loaded = network->weights().Load(parent->model, Encoder::Prefixes());
    RETURN_IF_ERROR(WithReason(WithContext(loaded, (spec.parent / run_directory::kModelFile).string()),
                               ExitReason::kCheckpointCorrupt));
  }
  if (spec.freeze_encoder) network->FreezeEncoder();
  return network;
}

absl::StatusOr<TrainingRecords> SelectRecords(const Session& session, size_t label_task) {
  const TrainerSpec& spec = session.spec;
  TrainingRecords records;
  ASSIGN_OR_RETURN(records.training, SelectFolds(*session.pack, spec.folds.train, label_task, "train"));
  ASSIGN_OR_RETURN(records.validation,
                   SelectFolds(*session.pack, spec.folds.validation, label_task, "validation"));
  ASSIGN_OR_RETURN(records.test, SelectFolds(*session.pack, spec.folds.test, label_task, "test"));
  records.training = TakePatients(*session.pack, records.training, spec.label_fraction, spec.seed);
  return records;
}

}  // namespace

absl::StatusOr<LoopEnd> Finetune(Session& session) {
  ASSIGN_OR_RETURN(const size_t label_task, FindTask(*session.pack, session.spec.label_task));
  ASSIGN_OR_RETURN(const TrainingRecords records, SelectRecords(session, label_task));
  const std::vector<std::string>& classes = session.pack->info().tasks[label_task].classes;
  ASSIGN_OR_RETURN(auto network, MakeNetwork(session, classes.size(), records.test));
  FinetuneTask task(session, records, label_task, std::move(network));
  return Train(session, task, records, classes, [&](const TrainingLoop& loop) -> absl::StatusOr<LoopEnd> {
    // Without a best epoch (no score was ever defined) the last weights are what there is.
    if (!loop.best_weights().empty()) RETURN_IF_ERROR(task.network().weights().Load(loop.best_weights()));
    return ReportTest(session, task.Input(records.test), &loop);
  });
}

}  // namespace ecgtrain
