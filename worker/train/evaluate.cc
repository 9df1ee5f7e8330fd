#include "worker/train/evaluate.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "worker/model/model_table.h"
#include "worker/train/failure.h"
#include "worker/train/manifest.h"
#include "worker/train/scoring.h"

namespace ecgtrain {
namespace {

using run_directory::ExitReason;

absl::Status CheckClasses(const std::vector<std::string>& of_checkpoint,
                          const std::vector<std::string>& of_data) {
  if (of_checkpoint.empty()) {
    return Failure(ExitReason::kUserError,
                   "inputs.parent holds a pretraining; only a fine-tuned checkpoint has scores");
  }
  if (of_checkpoint == of_data) return absl::OkStatus();
  return Failure(ExitReason::kUserError,
                 absl::StrCat("the checkpoint knows ", of_checkpoint.size(), " classes [",
                              absl::StrJoin(of_checkpoint, ", "), "], the data set's task has ",
                              of_data.size(), " [", absl::StrJoin(of_data, ", "), "]"));
}

absl::StatusOr<std::unique_ptr<Network>> LoadNetwork(const Session& session, const Checkpoint& parent,
                                                     const ModelConfig& model) {
  ASSIGN_OR_RETURN(
      auto network,
      MakeClassifier(model, {.bfloat16 = session.device.bfloat16, .device = session.device.device}),
      WithReason(_, ExitReason::kCheckpointCorrupt));
  const absl::Status loaded = network->weights().Load(parent.model);
  RETURN_IF_ERROR(WithReason(WithContext(loaded, (session.spec.parent / run_directory::kModelFile).string()),
                             ExitReason::kCheckpointCorrupt));
  return network;
}

}  // namespace

absl::StatusOr<LoopEnd> Evaluate(Session& session) {
  const TrainerSpec& spec = session.spec;
  ASSIGN_OR_RETURN(const Checkpoint parent, ReadParent(session));
  ASSIGN_OR_RETURN(const auto of_checkpoint, ClassesOfManifest(parent.manifest),
                   WithReason(_, ExitReason::kCheckpointCorrupt));
  ASSIGN_OR_RETURN(ModelConfig model, ModelOfManifest(parent.manifest),
                   WithReason(_, ExitReason::kCheckpointCorrupt));
  ASSIGN_OR_RETURN(const size_t label_task, FindTask(*session.pack, spec.label_task));
  const std::vector<std::string>& classes = session.pack->info().tasks[label_task].classes;
  RETURN_IF_ERROR(CheckClasses(of_checkpoint, classes));
  model.classes = static_cast<int64_t>(classes.size());
  ASSIGN_OR_RETURN(const RecordSet records, SelectFolds(*session.pack, spec.folds.test, label_task, "test"));
  RETURN_IF_ERROR(CheckUnseen(session, records, parent.manifest));
  RETURN_IF_ERROR(WarnOfOtherSignal(session, parent.manifest));
  ASSIGN_OR_RETURN(const std::unique_ptr<Network> network, LoadNetwork(session, parent, model));
  SignalSettings signal = spec.signal;
  signal.samples = static_cast<uint32_t>(model.samples);
  const BatchMaker batches(*session.pack, signal, session.device);
  return ReportTest(session,
                    {*network, *session.pack, batches, records, label_task, spec.schedule.batch_size,
                     session.device.batches_ahead},
                    /*loop=*/nullptr);
}

}  // namespace ecgtrain
