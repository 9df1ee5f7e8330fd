// What every kind of job shares: an open pack, a device, the way out for events, and resuming.
#ifndef ECGTRAIN_WORKER_TRAIN_SESSION_H_
#define ECGTRAIN_WORKER_TRAIN_SESSION_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "worker/data/pack.h"
#include "worker/train/batch.h"
#include "worker/train/checkpoint.h"
#include "worker/train/controls.h"
#include "worker/train/device.h"
#include "worker/train/events.h"
#include "worker/train/spec.h"
#include "worker/train/training_loop.h"
#include "worker/train/training_task.h"

namespace ecgtrain {

// Bound to one thread.
struct Session {
  TrainerSpec spec;
  std::filesystem::path folder;  // the run directory
  EventSink& events;
  Controls& controls;
  Clock& clock;
  ComputeDevice device;
  std::unique_ptr<Pack> pack;
  // Whom inputs/parent has seen, its ancestors included; nobody without a parent, nothing where its
  // checkpoint does not say.
  std::optional<PatientKeys> seen_before = PatientKeys();
  uint64_t leaky_patients = 0;  // of the test folds
  uint64_t step = 0;            // the last one done, for exit.json
};

// Opens the pack that the specification names, making it first where it names a data set. DATA_MISSING,
// DATA_CORRUPT, USER_ERROR, DISK_FULL (failure.h); CANCELLED where a stop was asked for meanwhile.
absl::Status OpenPack(Session& session);

// Reads inputs/parent, and from it `seen_before`. CHECKPOINT_CORRUPT naming the file; DATA_MISSING where
// there is none.
absl::StatusOr<Checkpoint> ReadParent(Session& session);

// LEAKY, with numbers, where patients of `test` are among those seen before, unless the specification allows
// it: then a warning, and `leaky_patients` for the reports. A warning where nobody knows.
absl::Status CheckUnseen(Session& session, const RecordSet& test, const nlohmann::json& parent_manifest);

// A warning where the parent was trained on signals prepared in another way.
absl::Status WarnOfOtherSignal(Session& session, const nlohmann::json& parent_manifest);

// Says in a result's `values` how many patients of the test folds were seen before, where there are any.
void StampLeaky(const Session& session, nlohmann::json& values);

// Likewise how often the training went on in another environment.
void StampApproximate(const TrainingState& state, nlohmann::json& values);

// Runs the loop from the newest usable checkpoint: of the run directory, else inputs/resume, else from the
// start. Damaged ones of the run directory are set aside with a warning; CHECKPOINT_CORRUPT where that leaves
// none: nobody asked to start anew. DATA_CORRUPT where the data set is another than the checkpoint's.
// `finish` goes on with the ended loop, unless it was stopped.
using Finish = absl::FunctionRef<absl::StatusOr<LoopEnd>(const TrainingLoop& loop)>;
absl::StatusOr<LoopEnd> Train(Session& session, TrainingTask& task, const TrainingRecords& records,
                              const std::vector<std::string>& classes, Finish finish);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_SESSION_H_
