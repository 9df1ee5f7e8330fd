#include "worker/train/training_loop.h"

#include <ATen/Context.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "worker/model/counter_random.h"
#include "worker/train/batch_feed.h"
#include "worker/train/failure.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;

constexpr char kBestPrefix[] = "best.";

OptimizerConfig MakeOptimizerConfig(const OptimizerSettings& settings) {
  return {.decoupled_weight_decay = settings.adamw,
          .weight_decay = settings.weight_decay,
          .clip_norm = settings.clip_norm};
}

bool SamePlace(const TrainingState& a, const TrainingState& b) {
  return a.step == b.step && a.epoch == b.epoch && a.step_in_epoch == b.step_in_epoch;
}

}  // namespace

TrainingLoop::TrainingLoop(TrainingTask& task, const LoopConfig& config, const LoopEffects& effects)
    : task_(task),
      config_(config),
      effects_(effects),
      steps_per_epoch_((task.training_records().size() + config.schedule.batch_size - 1) /
                       config.schedule.batch_size),
      optimizer_(task.network().weights(), MakeOptimizerConfig(config.optimizer)),
      plateau_(config.optimizer.learning_rate, config.schedule.plateau_factor,
               config.schedule.plateau_patience, LargerIsBetter(config.checkpoint.metric)),
      meter_(task.network().weights().options().device),
      progress_(effects.clock.Monotonic()),
      last_save_(effects.clock.Monotonic()) {}

absl::StatusOr<LoopEnd> TrainingLoop::Run() {
  while (!Finished()) {
    ASSIGN_OR_RETURN(bool go_on, TrainEpoch());
    if (go_on) {
      ASSIGN_OR_RETURN(go_on, ValidateEpoch());
    }
    if (!go_on) {
      RETURN_IF_ERROR(Save(/*best=*/false, SaveMode::kDurable));
      return LoopEnd::kStopped;
    }
  }
  RETURN_IF_ERROR(ReportProgress());
  RETURN_IF_ERROR(Save(/*best=*/false, SaveMode::kDurable));
  return LoopEnd::kCompleted;
}

absl::StatusOr<bool> TrainingLoop::TrainEpoch() {
  const RecordSet order = EpochOrder(task_.training_records(), config_.seed, state_.epoch);
  const auto records_of = [&](size_t step) {
    const size_t batch_size = config_.schedule.batch_size;
    return absl::MakeConstSpan(order).subspan(step * batch_size, batch_size);
  };
  const uint64_t end = state_.step_in_epoch + StepsLeftInEpoch();
  BatchFeed feed(state_.step_in_epoch, end, config_.batches_ahead,
                 [&, epoch = state_.epoch](size_t step) { return task_.MakeBatch(records_of(step), epoch); });
  while (state_.step_in_epoch < end) {
    const absl::Duration begin = effects_.clock.Monotonic();
    const size_t records = records_of(state_.step_in_epoch).size();
    const Batch batch = feed.Next();
    const absl::Duration data_ready = effects_.clock.Monotonic();
    TrainStep(batch);
    progress_.AddStep(records, begin, data_ready - begin, effects_.clock.Monotonic());
    RETURN_IF_ERROR(ReportStep());
    if (effects_.controls.StopRequested()) return false;
    RETURN_IF_ERROR(SaveIfDue());
  }
  RETURN_IF_ERROR(ReportTraining());
  return true;
}

void TrainingLoop::TrainStep(const Batch& batch) {
  const RandomStream stream(config_.seed, RandomPurpose::kDropout, state_.step);
  const ForwardMode mode{.training = true, .dropout = config_.dropout, .dropout_key = stream.key()};
  const at::Device device = batch.x.device();
  if (!device.is_cpu())
    at::Generator(at::globalContext().defaultGenerator(device)).set_current_seed(stream.key());

  optimizer_.ClearGradients();
  const at::Tensor loss = task_.Loss(batch, mode);
  loss.backward();
  const at::Tensor gradient_norm = optimizer_.Step(plateau_.learning_rate(), loss.detach());
  meter_.Add(loss.detach(), gradient_norm, optimizer_.skipped());

  ++state_.step;
  ++state_.step_in_epoch;
  validated_.reset();
}

absl::StatusOr<bool> TrainingLoop::ValidateEpoch() {
  RETURN_IF_ERROR(effects_.events.Append("phase", {{"phase", "validating"}}));
  const auto pulse = [this](size_t, size_t) -> absl::StatusOr<bool> {
    if (progress_.TakeDue(effects_.clock.Monotonic())) RETURN_IF_ERROR(ReportProgress());
    RETURN_IF_ERROR(effects_.keeper.Poll());
    return !effects_.controls.StopRequested();
  };
  ASSIGN_OR_RETURN(validated_, task_.Validate(pulse));
  if (!validated_.has_value()) return false;
  RETURN_IF_ERROR(ReportMetrics(*validated_));

  const bool best = plateau_.Observe(validated_->at(config_.checkpoint.metric));
  if (best) {
    state_.best_step = state_.step;
    state_.best = *validated_;
    if (task_.needs_best_weights()) best_weights_ = task_.network().weights().Canonical();
  }
  ++state_.epoch;
  state_.step_in_epoch = 0;
  if (best) RETURN_IF_ERROR(Save(true, SaveMode::kAfterOther));
  if (save_due_) RETURN_IF_ERROR(Save(false, SaveMode::kSkipIfBusy));
  if (!Finished()) RETURN_IF_ERROR(effects_.events.Append("phase", {{"phase", "training"}}));
  return true;
}

bool TrainingLoop::AtStepLimit() const {
  return config_.schedule.max_steps > 0 && state_.step >= config_.schedule.max_steps;
}

uint64_t TrainingLoop::StepsLeftInEpoch() const {
  const uint64_t left = steps_per_epoch_ - state_.step_in_epoch;
  const uint64_t limit = config_.schedule.max_steps;
  if (limit == 0) return left;
  return std::min(left, limit - std::min(limit, state_.step));
}

bool TrainingLoop::Finished() const {
  return state_.epoch >= config_.schedule.epochs || (AtStepLimit() && state_.step_in_epoch == 0);
}

uint64_t TrainingLoop::TotalSteps() const {
  const uint64_t by_epochs = steps_per_epoch_ * config_.schedule.epochs;
  return config_.schedule.max_steps > 0 ? std::min(by_epochs, config_.schedule.max_steps) : by_epochs;
}

uint64_t TrainingLoop::CurrentEpoch() const {  // from 1; right after a validation still the one that ended
  return state_.step_in_epoch > 0 || state_.epoch == 0 ? state_.epoch + 1 : state_.epoch;
}

absl::Status TrainingLoop::ReportStep() {
  RETURN_IF_ERROR(effects_.keeper.Poll());
  if (state_.step % config_.schedule.log_every == 0) RETURN_IF_ERROR(ReportTraining());
  if (!progress_.TakeDue(effects_.clock.Monotonic())) return absl::OkStatus();
  RETURN_IF_ERROR(CheckNumbers(meter_.Read()));
  return ReportProgress();
}

absl::Status TrainingLoop::ReportTraining() {
  const StepMeter::Reading reading = meter_.Read();
  if (reading.steps == 0) return absl::OkStatus();
  RETURN_IF_ERROR(CheckNumbers(reading));
  meter_.Clear();
  if (reading.skipped > 0) {
    RETURN_IF_ERROR(effects_.events.Append(
        "warning",
        {{"code", "NON_FINITE"},
         {"message", absl::StrCat(reading.skipped, " of the last ", reading.steps, " steps up to step ",
                                  state_.step, " were left out: loss or gradient not finite")}}));
  }
  return ReportMetrics({{"train/loss", reading.loss},
                        {"train/gradient_norm", reading.gradient_norm},
                        {"train/learning_rate", plateau_.learning_rate()}});
}

absl::Status TrainingLoop::CheckNumbers(const StepMeter::Reading& reading) {
  if (reading.skipped_run < config_.non_finite_limit) return absl::OkStatus();
  return Failure(
      run_directory::ExitReason::kNonFinite,
      absl::StrCat("loss or gradient not finite for ", reading.skipped_run, " steps in a row up to step ",
                   state_.step, "; lower optimizer.learning_rate or go on from an earlier checkpoint"));
}

TrainingPlace TrainingLoop::place() const {
  return {.step = state_.step,
          .total_steps = TotalSteps(),
          .epoch = CurrentEpoch(),
          .epochs = config_.schedule.epochs};
}

absl::Status TrainingLoop::ReportProgress() {
  Json event = PlaceToJson(place());
  event["records_per_second"] = progress_.records_per_second();
  event["step_seconds"] = progress_.median_step_seconds();
  event["data_wait_seconds"] = progress_.data_wait_seconds();
  return effects_.events.Append("progress", event);
}

absl::Status TrainingLoop::ReportMetrics(const Metrics& metrics) {
  Json values = Json::object();
  for (const auto& [name, value] : metrics) values[name] = EventNumber(value);
  return effects_.events.Append("metrics",
                                {{"step", state_.step}, {"epoch", CurrentEpoch()}, {"values", values}});
}

absl::Status TrainingLoop::SaveIfDue() {
  const absl::Duration now = effects_.clock.Monotonic();
  const CheckpointSettings& when = config_.checkpoint;
  save_due_ = save_due_ || now - last_save_ >= when.every ||
              (when.every_steps > 0 && state_.step % when.every_steps == 0);
  const bool asked = effects_.controls.TakeCheckpointRequest();
  save_due_ = save_due_ || asked;
  // At the end of an epoch the validation comes first: one checkpoint then holds both.
  if (!save_due_ || state_.step_in_epoch == steps_per_epoch_ || AtStepLimit()) return absl::OkStatus();
  return Save(/*best=*/false, asked ? SaveMode::kAfterOther : SaveMode::kSkipIfBusy);
}

absl::Status TrainingLoop::Save(bool best, SaveMode mode) {
  save_due_ = false;
  if (saved_.has_value() && SamePlace(*saved_, state_)) {
    if (mode != SaveMode::kDurable) return absl::OkStatus();
    // The end of a training: a disk that was full may have space again.
    const absl::Status finished = effects_.keeper.Finish();
    if (ReasonOf(finished) != run_directory::ExitReason::kDiskFull) return finished;
  }
  last_save_ = effects_.clock.Monotonic();
  if (mode == SaveMode::kSkipIfBusy && effects_.keeper.busy()) return absl::OkStatus();
  saved_ = state_;
  return effects_.keeper.Save(Snapshot(), best, mode);
}

Checkpoint TrainingLoop::Snapshot() const {
  Checkpoint checkpoint;
  checkpoint.model = task_.network().weights().Canonical();
  checkpoint.optimizer = optimizer_.State();
  for (const NamedTensor& entry : meter_.State()) checkpoint.optimizer.push_back(entry);
  if (state_.best_step != state_.step) {  // else the model's own weights are the best ones
    for (const NamedTensor& entry : best_weights_) {
      checkpoint.optimizer.push_back({absl::StrCat(kBestPrefix, entry.name), entry.tensor});
    }
  }
  TrainingState state = state_;
  state.plateau = plateau_.state();
  checkpoint.state = StateToJson(state);
  checkpoint.seen = config_.seen;
  checkpoint.manifest = config_.manifest;
  checkpoint.manifest["step"] = state_.step;
  checkpoint.manifest["epoch"] = CurrentEpoch();
  Json metrics = Json::object();
  if (validated_.has_value()) {
    for (const auto& [name, value] : *validated_) metrics[name] = EventNumber(value);
  }
  checkpoint.manifest["metrics"] = metrics;
  return checkpoint;
}

absl::Status TrainingLoop::Restore(const Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(state_, StateFromJson(checkpoint.state));
  if (state_.step_in_epoch > steps_per_epoch_) {
    return absl::InvalidArgumentError(absl::StrCat("the checkpoint is at step ", state_.step_in_epoch,
                                                   " of an epoch that has ", steps_per_epoch_));
  }
  plateau_.Restore(state_.plateau);
  RETURN_IF_ERROR(task_.network().weights().Load(checkpoint.model));
  RETURN_IF_ERROR(optimizer_.Load(checkpoint.optimizer));
  RETURN_IF_ERROR(meter_.Load(checkpoint.optimizer));
  saved_ = state_;
  best_weights_.clear();
  if (!task_.needs_best_weights() || state_.best_step == 0) return absl::OkStatus();
  if (state_.best_step == state_.step) {
    best_weights_ = checkpoint.model;
    return absl::OkStatus();
  }
  for (const NamedTensor& entry : checkpoint.optimizer) {
    if (!absl::StartsWith(entry.name, kBestPrefix)) continue;
    best_weights_.push_back({std::string(absl::StripPrefix(entry.name, kBestPrefix)), entry.tensor});
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
