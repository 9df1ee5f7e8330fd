#include "worker/train/session.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/data/pack_data_set.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/failure.h"
#include "worker/train/manifest.h"

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
  return PackDataSet(options, [&session](size_t, size_t) {
    return session.controls.StopRequested() ? absl::CancelledError("stopped while packing")
                                            : absl::OkStatus();
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

absl::Status Warn(Session& session, absl::string_view code, absl::string_view message) {
  return session.events.Append("warning", {{"code", code}, {"message", message}});
}

// The newest usable checkpoint of the run directory; damaged ones cost a warning.
absl::StatusOr<std::optional<Checkpoint>> NewestOwn(Session& session, const std::filesystem::path& folder) {
  for (const uint64_t step : ListCheckpoints(folder)) {
    auto checkpoint = ReadCheckpoint(folder / run_directory::CheckpointName(step));
    if (checkpoint.ok()) return *std::move(checkpoint);
    RETURN_IF_ERROR(Warn(session, "CHECKPOINT_CORRUPT", checkpoint.status().message()));
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<Checkpoint>> FindResume(Session& session, const std::filesystem::path& folder) {
  ASSIGN_OR_RETURN(std::optional<Checkpoint> own, NewestOwn(session, folder));
  if (own.has_value() || session.spec.resume.empty()) return own;
  ASSIGN_OR_RETURN(Checkpoint given, ReadCheckpoint(session.folder / session.spec.resume),
                   WithReason(_, ExitReason::kCheckpointCorrupt));
  return given;
}

// Brings the loop to where the checkpoint left off; 0 where there is none.
absl::StatusOr<uint64_t> Resume(Session& session, const std::filesystem::path& folder,
                                const nlohmann::json& manifest, TrainingLoop& loop) {
  ASSIGN_OR_RETURN(const std::optional<Checkpoint> checkpoint, FindResume(session, folder));
  if (!checkpoint.has_value()) return 0;
  for (const char* key : {"task", "model", "signal", "classes"}) {
    if (checkpoint->manifest.value(key, nlohmann::json()) == manifest.value(key, nlohmann::json())) continue;
    return Failure(ExitReason::kUserError, absl::StrCat("the checkpoint to go on from was made with another ",
                                                        key, "; requeue the job from its start"));
  }
  RETURN_IF_ERROR(WithReason(loop.Restore(*checkpoint), ExitReason::kCheckpointCorrupt));
  for (const char* key : {"fingerprint", "data_digest"}) {
    if (checkpoint->manifest.value(key, nlohmann::json()) == manifest.value(key, nlohmann::json())) continue;
    RETURN_IF_ERROR(Warn(session, "APPROXIMATE_RESUME",
                         absl::StrCat("the checkpoint was made with another ", key, ": ",
                                      checkpoint->manifest.value(key, nlohmann::json()).dump(),
                                      "; numbers will differ from an uninterrupted run")));
  }
  return loop.state().step;
}

absl::Status AnnounceTraining(Session& session, const TrainingRecords& records, uint64_t resumed_step,
                              int64_t parameters) {
  return session.events.Append("phase", {{"phase", "training"},
                                         {"resumed_step", resumed_step},
                                         {"device", session.spec.device.gpu ? "gpu" : "cpu"},
                                         {"precision", session.device.precision},
                                         {"threads", session.spec.device.threads},
                                         {"parameters", parameters},
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
  return CheckPreparation(session.pack->info(), session.spec.signal);
}

absl::StatusOr<Checkpoint> ReadParent(const Session& session) {
  auto checkpoint = ReadCheckpoint(session.folder / session.spec.parent);
  if (checkpoint.ok()) return checkpoint;
  const bool missing = checkpoint.status().code() == absl::StatusCode::kNotFound;
  return WithReason(checkpoint.status(), missing ? ExitReason::kDataMissing : ExitReason::kCheckpointCorrupt);
}

absl::StatusOr<LoopEnd> Train(Session& session, TrainingTask& task, const TrainingRecords& records,
                              const std::vector<std::string>& classes, Finish finish) {
  const TrainerSpec& spec = session.spec;
  const std::filesystem::path folder = session.folder / run_directory::kCheckpointsFolder;
  RETURN_IF_ERROR(RemoveUnfinished(folder));
  CheckpointKeeper keeper(
      folder, {spec.checkpoint.keep_last, spec.checkpoint.keep_best, spec.checkpoint.metric}, session.events);
  const nlohmann::json manifest =
      RunManifest(spec, classes, session.pack->info().digest, Fingerprint(spec, session.device));
  TrainingLoop loop(task,
                    {.optimizer = spec.optimizer,
                     .schedule = spec.schedule,
                     .checkpoint = spec.checkpoint,
                     .seed = spec.seed,
                     .dropout = spec.model.dropout,
                     .manifest = manifest},
                    {session.events, keeper, session.controls, session.clock});
  // For exit.json, however this ends.
  const absl::Cleanup remember_step = [&session, &loop] { session.step = loop.state().step; };
  ASSIGN_OR_RETURN(const uint64_t resumed_step, Resume(session, folder, manifest, loop));
  RETURN_IF_ERROR(
      AnnounceTraining(session, records, resumed_step, task.network().weights().ParameterCount()));
  ASSIGN_OR_RETURN(const LoopEnd end, loop.Run());
  if (end == LoopEnd::kStopped) return end;
  return finish(loop);
}

}  // namespace ecgtrain
