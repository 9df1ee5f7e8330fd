// The training loop: epochs of steps, a validation after each, checkpoints on the way.
//
// All randomness is a function of (seed, epoch, record) or (seed, step), so that a loop restored from any
// checkpoint computes what an uninterrupted one computes, bit for bit on a CPU with the same number of
// threads.
#ifndef ECGTRAIN_WORKER_TRAIN_TRAINING_LOOP_H_
#define ECGTRAIN_WORKER_TRAIN_TRAINING_LOOP_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "worker/train/checkpoint.h"
#include "worker/train/checkpoint_keeper.h"
#include "worker/train/controls.h"
#include "worker/train/events.h"
#include "worker/train/optimizer.h"
#include "worker/train/progress_meter.h"
#include "worker/train/schedule.h"
#include "worker/train/spec.h"
#include "worker/train/step_meter.h"
#include "worker/train/training_state.h"
#include "worker/train/training_task.h"

namespace ecgtrain {

struct LoopConfig {
  OptimizerSettings optimizer;
  ScheduleSettings schedule;
  CheckpointSettings checkpoint;
  uint64_t seed = 1;
  double dropout = 0;
  uint64_t non_finite_limit = 10;   // steps in a row that end the training
  size_t batches_ahead = 1;         // as in ComputeDevice
  std::optional<PatientKeys> seen;  // as of Checkpoint
  nlohmann::json manifest;          // what a checkpoint's manifest says besides step, epoch and metrics
};

// Where the loop's effects go.
struct LoopEffects {
  EventSink& events;
  CheckpointKeeper& keeper;
  Controls& controls;
  Clock& clock;
};

enum class LoopEnd { kCompleted, kStopped };

// Bound to one thread.
class TrainingLoop {
 public:
  TrainingLoop(TrainingTask& task, const LoopConfig& config, const LoopEffects& effects);

  // Takes over everything a checkpoint of the same job holds. INVALID_ARGUMENT or DATA_LOSS naming what does
  // not fit; the loop is not to be used then.
  absl::Status Restore(const Checkpoint& checkpoint);

  // What goes on from here is another environment's.
  void NoteApproximateResume() { ++state_.approximate_resumes; }

  // Trains to the end, or until a stop is asked for; a durable checkpoint holds the end in both cases.
  // NON_FINITE and DISK_FULL (failure.h), and the errors of the task and the effects.
  absl::StatusOr<LoopEnd> Run();

  const TrainingState& state() const { return state_; }
  TrainingPlace place() const;
  // Of the epoch with the best metric; empty where there is none or the task does not need them.
  const std::vector<NamedTensor>& best_weights() const { return best_weights_; }

 private:
  bool Finished() const;
  bool AtStepLimit() const;
  uint64_t StepsLeftInEpoch() const;
  // Each returns false where a stop was asked for.
  absl::StatusOr<bool> TrainEpoch();
  absl::StatusOr<bool> ValidateEpoch();
  void TrainStep(const Batch& batch);

  absl::Status ReportStep();
  absl::Status ReportTraining();
  absl::Status ReportProgress();
  absl::Status ReportMetrics(const Metrics& metrics);
  absl::Status CheckNumbers(const StepMeter::Reading& reading);

  absl::Status SaveIfDue();
  absl::Status Save(bool best, SaveMode mode);
  Checkpoint Snapshot() const;
  uint64_t TotalSteps() const;
  uint64_t CurrentEpoch() const;

  TrainingTask& task_;
  LoopConfig config_;
  LoopEffects effects_;
  uint64_t steps_per_epoch_;
  Optimizer optimizer_;
  PlateauSchedule plateau_;
  TrainingState state_;
  StepMeter meter_;
  ProgressMeter progress_;
  std::vector<NamedTensor> best_weights_;
  std::optional<Metrics> validated_;    // of the weights as they are now
  std::optional<TrainingState> saved_;  // what the latest checkpoint holds
  absl::Duration last_save_;
  bool save_due_ = false;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_TRAINING_LOOP_H_
