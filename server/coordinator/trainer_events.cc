#include "server/coordinator/trainer_events.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/coordinator/attempt_reports.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/proto_time.h"
#include "server/coordinator/retention.h"

namespace ecgtrain {
namespace {

absl::Time TimeOf(const v1::TrainerEvent& event) { return absl::UnixEpoch() + absl::Seconds(event.time()); }

}  // namespace

absl::Status TrainerEventSink::Apply(const v1::TrainerEvent& event) {
  switch (event.event_case()) {
    case v1::TrainerEvent::kPhase:
      return Apply(event.phase());
    case v1::TrainerEvent::kProgress:
      Apply(event.progress());
      return absl::OkStatus();
    case v1::TrainerEvent::kMetrics:
      Apply(event.metrics(), event);
      return absl::OkStatus();
    case v1::TrainerEvent::kCheckpoint:
      return Apply(event.checkpoint());
    case v1::TrainerEvent::kCheckpointRemoved:
      return Apply(event.checkpoint_removed());
    case v1::TrainerEvent::kArtifact:
      return Apply(event.artifact());
    case v1::TrainerEvent::kWarning:
      return Record("warning", absl::StrCat(event.warning().code(), ": ", event.warning().message()));
    case v1::TrainerEvent::kResult:
      for (const auto& [name, value] : event.result().values()) (*job_.mutable_result())[name] = value;
      return Record("result", absl::StrCat(event.result().values_size(), " values"));
    case v1::TrainerEvent::kError:
      attempt_.set_message(event.error().message());
      return absl::OkStatus();
    case v1::TrainerEvent::EVENT_NOT_SET:
      break;
  }
  return absl::InternalError(absl::StrCat("event ", event.seq(), " was not checked"));
}

absl::Status TrainerEventSink::Flush() {
  if (metrics_.empty() || mutation_.admission.disk().Level() >= DiskLevel::kNoMetrics)
    return absl::OkStatus();
  return mutation_.store.AppendMetrics(job_.id(), metrics_);
}

absl::Status TrainerEventSink::Apply(const v1::PhaseEvent& phase) {
  if (phase.phase() == "training" && !phase.environment().empty()) {
    attempt_.set_resumed_step(phase.resumed_step());
    *attempt_.mutable_environment() = phase.environment();
  }
  job_.mutable_progress()->set_phase(phase.phase());
  *job_.mutable_progress()->mutable_updated() = ToProtoTime(mutation_.now);
  return Record("phase", phase.phase());
}

void TrainerEventSink::Apply(const v1::Progress& progress) {
  const std::string phase = job_.progress().phase();
  *job_.mutable_progress() = progress;
  if (progress.phase().empty()) job_.mutable_progress()->set_phase(phase);
  *job_.mutable_progress()->mutable_updated() = ToProtoTime(mutation_.now);
}

void TrainerEventSink::Apply(const v1::MetricsEvent& metrics, const v1::TrainerEvent& event) {
  for (const auto& [name, value] : metrics.values()) {
    // A job that makes up names for ever keeps the first ones.
    if (!job_.metrics().contains(name) && job_.metrics_size() >= kMostMetricNames) continue;
    (*job_.mutable_metrics())[name] = value;
    MetricRow& row = metrics_.emplace_back();
    row.seq = event.seq();
    row.point.set_attempt(attempt_.number());
    row.point.set_name(name);
    row.point.set_step(metrics.step());
    row.point.set_epoch(metrics.epoch());
    row.point.set_value(value);
    *row.point.mutable_time() = ToProtoTime(TimeOf(event));
  }
}

absl::Status TrainerEventSink::Apply(const v1::CheckpointEvent& event) {
  v1::Checkpoint checkpoint;
  checkpoint.set_job_id(job_.id());
  checkpoint.set_attempt(attempt_.number());
  checkpoint.set_name(event.name());
  checkpoint.set_step(event.step());
  checkpoint.set_epoch(event.epoch());
  checkpoint.set_state(v1::LOCAL);
  checkpoint.set_metric_name(event.metric_name());
  checkpoint.set_metric_value(event.metric_value());
  *checkpoint.mutable_files() = event.files();
  *checkpoint.mutable_created() = ToProtoTime(mutation_.now);
  RETURN_IF_ERROR(mutation_.store.PutCheckpoint(checkpoint));
  RETURN_IF_ERROR(Record("checkpoint", event.name()));
  // All of its files may be there already: the same weights, saved again.
  return StoreCompleteCheckpoints(mutation_, job_, attempt_.number());
}

absl::Status TrainerEventSink::Apply(const v1::CheckpointRemovedEvent& removed) {
  return NoteRemovedCheckpoint(mutation_, job_, attempt_.number(), removed.name());
}

absl::Status TrainerEventSink::Apply(const v1::ArtifactEvent& event) {
  v1::Artifact artifact;
  artifact.set_job_id(job_.id());
  artifact.set_attempt(attempt_.number());
  artifact.set_path(event.path());
  artifact.set_kind(event.kind());
  *artifact.mutable_file() = event.file();
  ASSIGN_OR_RETURN(const std::optional<uint64_t> stored, mutation_.store.StoredFile(event.file().sha256()));
  artifact.set_stored(stored.has_value());
  return mutation_.store.PutArtifact(artifact);
}

absl::Status TrainerEventSink::Record(const char* type, std::string message) {
  return RecordEvent(mutation_, job_,
                     {.event = type,
                      .actor = absl::StrCat("worker/", attempt_.worker()),
                      .message = std::move(message),
                      .attempt = attempt_.number()});
}

}  // namespace ecgtrain
