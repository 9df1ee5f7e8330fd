#include "worker/train/session.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "worker/data/pack_data_set.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/artifact.h"
#include "worker/train/failure.h"
#include "worker/train/manifest.h"
#include "worker/train/pass_progress.h"

namespace ecgtrain {
namespace {

using run_directory::ExitReason;

ExitReason DataReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kNotFound:
      return ExitReason::kDataMissing;
    case absl::StatusCode::kDataLoss:
      return ExitReason::kDataCorrupt;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return ExitReason::kUserError;
    case absl::StatusCode::kResourceExhausted:
      return ExitReason::kDiskFull;
    default:
      return ExitReason::kInternal;
  }
}

absl::StatusOr<std::filesystem::path> PackPath(const Session& session) {
  const DataSource& data = session.spec.data;
  if (!data.pack.empty()) return data.pack;
  PackOptions options;
  options.source.type = data.type;
  options.source.path = data.path;
  options.source.rate = session.spec.signal.rate;
  if (data.records > 0) options.source.records = data.records;
  if (data.seed > 0) options.source.seed = data.seed;
  options.highpass = session.spec.signal.highpass;
  options.cache = data.cache;
  options.threads = session.spec.device.threads;
  PassProgress progress(session.events, session.clock);
  return PackDataSet(options, [&](const PackedSoFar& so_far) {
    if (session.controls.StopRequested()) return absl::CancelledError("stopped while packing");
    return progress.Report(TrainingPlace(), so_far.done, so_far.total);
  });
}

absl::Status CheckPreparation(const PackInfo& info, const SignalSettings& signal) {
  if (info.rate == signal.rate && info.highpass == signal.highpass) return absl::OkStatus();
  const auto filter = [](bool highpass) { return highpass ? "with" : "without"; };
  return Failure(ExitReason::kUserError,
                 absl::StrCat("the pack of ", info.dataset, " holds ", info.rate, " samples a second ",
                              filter(info.highpass), " high-pass; the specification wants ", signal.rate, " ",
                              filter(signal.highpass), ": pack it again"));
}

absl::Status CheckSameData(absl::string_view who, const std::string& then, const std::string& now) {
  if (then == now) return absl::OkStatus();
  return Failure(
      ExitReason::kDataChanged,
      absl::StrCat("the data set has changed: ", who, " trained on the one with digest ", then,
                   ", here it is ", now, "; bring the old one back or requeue the job from scratch"));
}

absl::Status Warn(Session& session, absl::string_view code, absl::string_view message) {
  return session.events.Append("warning", {{"code", code}, {"message", message}});
}

struct Damaged {
  uint64_t step = 0;
  std::string finding;
};

// Sets a damaged checkpoint aside and says where training goes on instead.
absl::Status Quarantine(Session& session, const std::filesystem::path& folder, const Damaged& damaged,
                        const std::string& instead) {
  const std::string name = run_directory::CheckpointName(damaged.step);
  RETURN_IF_ERROR(SetCheckpointAside(folder, damaged.step));
  RETURN_IF_ERROR(Warn(
      session, "CHECKPOINT_CORRUPT",
      absl::StrCat(damaged.finding, "; set aside as ", run_directory::kCorruptPrefix, name, "; ", instead)));
  return session.events.Append("checkpoint_removed", {{"name", name}});
}

// The checkpoint given as inputs/resume, if there is one.
absl::StatusOr<std::optional<Checkpoint>> ReadGiven(const Session& session) {
  if (session.spec.resume.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(Checkpoint given, ReadCheckpoint(session.folder / session.spec.resume),
                   WithReason(_, ExitReason::kCheckpointCorrupt));
  return given;
}

// The newest whole checkpoint of the run directory, else the given one. Damaged ones are set aside.
absl::StatusOr<std::optional<Checkpoint>> FindResume(Session& session, const std::filesystem::path& folder) {
  std::optional<Checkpoint> found;
  std::vector<Damaged> damaged;
  for (const uint64_t step : ListCheckpoints(folder)) {
    auto checkpoint = ReadCheckpoint(folder / run_directory::CheckpointName(step));
    if (checkpoint.ok()) {
      found = *std::move(checkpoint);
      break;
    }
    damaged.push_back({step, std::string(checkpoint.status().message())});
  }
  absl::Status none_given;
  if (!found.has_value()) {
    auto given = ReadGiven(session);
    if (given.ok()) found = *std::move(given);
    none_given = given.status();
  }
  const std::string instead = found.has_value()
                                  ? absl::StrCat("going on from step ", found->manifest["step"].dump())
                                  : std::string("no older one is left");
  for (const Damaged& one : damaged) RETURN_IF_ERROR(Quarantine(session, folder, one, instead));
  RETURN_IF_ERROR(none_given);
  if (found.has_value() || !HoldsCheckpointSetAside(folder)) return found;
  return Failure(
      ExitReason::kCheckpointCorrupt,
      absl::StrCat("every checkpoint in ", folder.string(),
                   " was damaged and is set aside; requeue the job from an older checkpoint or from "
                   "scratch (alone: use an empty run directory)"));
}

bool Same(const nlohmann::json& a, const nlohmann::json& b, const char* key) {
  return a.value(key, nlohmann::json()) == b.value(key, nlohmann::json());
}

// What must not change between two attempts of a job.
absl::Status CheckSameTraining(const nlohmann::json& checkpoint, const nlohmann::json& own) {
  for (const char* key : {"task", "model", "signal", "classes"}) {
    if (Same(checkpoint, own, key)) continue;
    return Failure(ExitReason::kUserError, absl::StrCat("the checkpoint to go on from was made with another ",
                                                        key, "; requeue the job from its start"));
  }
  return CheckSameData("the checkpoint was", checkpoint.value("source_digest", ""), own["source_digest"]);
}

// Brings the loop to where the checkpoint left off.
absl::Status Resume(Session& session, const Checkpoint& checkpoint, const nlohmann::json& manifest,
                    TrainingLoop& loop) {
  RETURN_IF_ERROR(CheckSameTraining(checkpoint.manifest, manifest));
  RETURN_IF_ERROR(WithReason(loop.Restore(checkpoint), ExitReason::kCheckpointCorrupt));
  bool exact = true;
  for (const char* key : {"fingerprint", "data_digest"}) {
    if (Same(checkpoint.manifest, manifest, key)) continue;
    exact = false;
    RETURN_IF_ERROR(
        Warn(session, "APPROXIMATE_RESUME",
             absl::StrCat("the checkpoint was made with another ", key, ", ",
                          checkpoint.manifest.value(key, nlohmann::json()).dump(), ", here it is ",
                          manifest[key].dump(), "; numbers will differ from those of an uninterrupted run")));
  }
  if (!exact) loop.NoteApproximateResume();
  return absl::OkStatus();
}

absl::Status AnnounceTraining(Session& session, const TrainingRecords& records, uint64_t resumed_step,
                              int64_t parameters) {
  return session.events.Append("phase", {{"phase", "training"},
                                         {"resumed_step", resumed_step},
                                         {"device", session.spec.device.gpu ? "gpu" : "cpu"},
                                         {"precision", session.device.precision},
                                         {"threads", session.spec.device.threads},
                                         {"parameters", parameters},
                                         {"source_digest", session.pack->info().source_digest},
                                         {"records",
                                          {{"train", records.training.size()},
                                           {"validation", records.validation.size()},
                                           {"test", records.test.size()}}}});
}

}  // namespace

absl::Status OpenPack(Session& session) {
  ASSIGN_OR_RETURN(const std::filesystem::path path, PackPath(session),
                   _.code() == absl::StatusCode::kCancelled ? _ : WithReason(_, DataReason(_.code())));
  ASSIGN_OR_RETURN(session.pack, Pack::Open(path), WithReason(_, DataReason(_.code())));
  const PackInfo& info = session.pack->info();
  const std::string& expected = session.spec.data.source_digest;
  if (!expected.empty())
    RETURN_IF_ERROR(CheckSameData("an earlier attempt was", expected, info.source_digest));
  return CheckPreparation(info, session.spec.signal);
}

absl::StatusOr<Checkpoint> ReadParent(Session& session) {
  auto checkpoint = ReadCheckpoint(session.folder / session.spec.parent);
  if (checkpoint.ok()) {
    session.seen_before = checkpoint->seen;
    return checkpoint;
  }
  const bool missing = checkpoint.status().code() == absl::StatusCode::kNotFound;
  return WithReason(checkpoint.status(), missing ? ExitReason::kDataMissing : ExitReason::kCheckpointCorrupt);
}

absl::Status CheckUnseen(Session& session, const RecordSet& test, const nlohmann::json& parent_manifest) {
  const std::string parent = absl::StrCat("job/", parent_manifest.value("job", nlohmann::json()).dump());
  if (!session.seen_before.has_value()) {
    return Warn(session, "SEEN_UNKNOWN",
                absl::StrCat("the checkpoint of ", parent,
                             " does not say which patients it has seen: whether the test folds hold some of "
                             "them is not known"));
  }
  const PatientKeys tested = PatientsOf(*session.pack, {&test, 1});
  session.leaky_patients = CountShared(tested, *session.seen_before);
  if (session.leaky_patients == 0) return absl::OkStatus();
  const std::string finding =
      absl::StrCat(session.leaky_patients, " of the ", tested.size(), " patients in the test folds [",
                   absl::StrJoin(session.spec.folds.test, ", "), "] of ", session.pack->info().dataset,
                   " were seen in the training of ", parent, " or of a job that it started from");
  if (session.spec.allow_leakage) return Warn(session, "LEAKY", finding);
  return Failure(
      ExitReason::kLeaky,
      absl::StrCat(finding,
                   ": scores on them mean nothing. Leave them out of the pretraining, test on other "
                   "folds, or set allow_leakage: true, which every report will tell"));
}

absl::Status WarnOfOtherSignal(Session& session, const nlohmann::json& parent_manifest) {
  const std::string differences = SignalDifferences(parent_manifest, session.spec.signal);
  if (differences.empty()) return absl::OkStatus();
  return Warn(session, "OTHER_SIGNAL",
              absl::StrCat("the parent was trained on signals prepared in another way: ", differences));
}

void StampLeaky(const Session& session, nlohmann::json& values) {
  if (session.leaky_patients > 0) values["leaky_patients"] = session.leaky_patients;
}

void StampApproximate(const TrainingState& state, nlohmann::json& values) {
  if (state.approximate_resumes > 0) values["approximate_resumes"] = state.approximate_resumes;
}

absl::StatusOr<LoopEnd> Train(Session& session, TrainingTask& task, const TrainingRecords& records,
                              const std::vector<std::string>& classes, Finish finish) {
  const TrainerSpec& spec = session.spec;
  const std::filesystem::path folder = session.folder / run_directory::kCheckpointsFolder;
  RETURN_IF_ERROR(RemoveUnfinished(folder));
  ASSIGN_OR_RETURN(const std::optional<Checkpoint> checkpoint, FindResume(session, folder));
  CheckpointKeeper keeper(
      folder, {spec.checkpoint.keep_last, spec.checkpoint.keep_best, spec.checkpoint.metric}, session.events);
  const nlohmann::json manifest =
      RunManifest(spec, classes, session.pack->info(), Fingerprint(spec, session.device));
  std::optional<PatientKeys> seen;
  if (session.seen_before.has_value()) {
    const RecordSet own[] = {records.training, records.validation};
    seen = Union(*session.seen_before, PatientsOf(*session.pack, own));
  }
  TrainingLoop loop(task,
                    {.optimizer = spec.optimizer,
                     .schedule = spec.schedule,
                     .checkpoint = spec.checkpoint,
                     .seed = spec.seed,
                     .dropout = spec.model.dropout,
                     .non_finite_limit = spec.non_finite_limit,
                     .batches_ahead = session.device.batches_ahead,
                     .seen = std::move(seen),
                     .manifest = manifest},
                    {session.events, keeper, session.controls, session.clock});
  // For exit.json, however this ends.
  const absl::Cleanup remember_step = [&session, &loop] { session.step = loop.state().step; };
  if (checkpoint.has_value()) RETURN_IF_ERROR(Resume(session, *checkpoint, manifest, loop));
  RETURN_IF_ERROR(WriteArtifact(session.folder, session.events, "splits.csv", "splits",
                                SplitsCsv(*session.pack, records)));
  RETURN_IF_ERROR(
      AnnounceTraining(session, records, loop.state().step, task.network().weights().ParameterCount()));
  ASSIGN_OR_RETURN(const LoopEnd end, loop.Run());
  if (end == LoopEnd::kStopped) return end;
  return finish(loop);
}

}  // namespace ecgtrain
