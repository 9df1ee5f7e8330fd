#include "client/cli/job_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/exit_code.h"
#include "client/cli/text.h"
#include "common/units.h"
#include "spec/dataset_reference.h"

namespace ecgtrain {
namespace {

Cell TimeCell(const google::protobuf::Timestamp& time, absl::Time now) {
  return {Ago(time, now), Rfc3339(time)};
}

Cell NumberCell(double value) { return {ShortNumber(value), absl::StrFormat("%.17g", value)}; }

// An enum's name; "" for the value that says nothing.
std::string ReasonName(v1::EndReason reason) {
  return reason == v1::END_REASON_UNSPECIFIED ? "" : v1::EndReason_Name(reason);
}

std::string WithMessage(const std::string& reason, const std::string& message) {
  if (reason.empty() || message.empty()) return reason.empty() ? message : reason;
  return absl::StrCat(reason, ": ", message);
}

std::string DeviceList(const v1::Worker& worker) {
  return absl::StrJoin(worker.devices(), ", ", [](std::string* text, const v1::Device& device) {
    if (device.kind() == "gpu") {
      absl::StrAppend(text, device.model(), " (", HumanBytes(device.memory_bytes()), ")");
    } else {
      absl::StrAppend(text, device.id(), " (", device.threads(), " threads)");
    }
  });
}

std::string WorkerState(const v1::Worker& worker) {
  if (!worker.reachable()) return worker.cordoned() ? "UNREACHABLE, CORDONED" : "UNREACHABLE";
  return worker.cordoned() ? "CORDONED" : "READY";
}

std::string MetricList(const google::protobuf::Map<std::string, double>& values) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : values) texts.push_back(absl::StrCat(name, "=", ShortNumber(value)));
  std::sort(texts.begin(), texts.end());
  return absl::StrJoin(texts, " ");
}

// "#1f3870be274f": the state of the data set that it was trained on, as references name it.
Cell SourceDigestCell(const v1::Attempt& attempt) {
  const auto digest = attempt.environment().find("source_digest");
  if (digest == attempt.environment().end()) return "";
  return {absl::StrCat("#", ShortDigest(digest->second)), digest->second};
}

}  // namespace

std::string JobReferenceText(const v1::Job& job) { return absl::StrCat("job/", job.id()); }

std::string StateText(const v1::Job& job) {
  const std::string state = v1::JobState_Name(job.state());
  std::vector<std::string> attributes;
  if (job.stop_requested() != v1::STOP_NONE) {
    const std::string stop = v1::StopRequest_Name(job.stop_requested());
    attributes.push_back(absl::StrCat("stopping: ", absl::StripPrefix(stop, "STOP_")));
  }
  if (job.has_unreachable_since()) attributes.push_back("worker unreachable");
  return attributes.empty() ? state : absl::StrCat(state, " (", absl::StrJoin(attributes, ", "), ")");
}

std::string WhyText(const v1::Job& job) {
  if (job.state() == v1::QUEUED && job.has_pending()) {
    return WithMessage(v1::PendingReason_Name(job.pending().reason()), job.pending().explanation());
  }
  if (job.state() == v1::SUCCEEDED || job.state() == v1::RUNNING) return "";
  return WithMessage(ReasonName(job.reason()), job.message());
}

double ProgressRatio(const v1::Progress& progress) {
  if (progress.total_steps() == 0) return 0;
  return std::min(1.0, static_cast<double>(progress.step()) / static_cast<double>(progress.total_steps()));
}

std::string ProgressText(const v1::Job& job) {
  if (!job.has_progress()) return "";
  const v1::Progress& progress = job.progress();
  if (job.state() == v1::SUCCEEDED)
    return absl::StrFormat("epoch %d/%d, done", progress.epoch(), progress.epochs());
  if (progress.total_steps() == 0) return progress.phase();
  return absl::StrFormat("epoch %d/%d, %.0f %%", progress.epoch(), progress.epochs(),
                         100 * ProgressRatio(progress));
}

Table JobTable(const RepeatedPtrField<v1::Job>& jobs, absl::Time now) {
  Table table;
  table.columns = {{"JOB"},
                   {"NAME"},
                   {"KIND"},
                   {"DATASET"},
                   {"STATE"},
                   {"PROGRESS"},
                   {"SUBMITTED"},
                   {"USER", true},
                   {"PRIORITY", true},
                   {"ATTEMPTS", true, true},
                   {"WORKER", true},
                   {"STARTED", true},
                   {"ENDED", true},
                   {"WHY"}};
  for (const v1::Job& job : jobs) {
    table.rows.push_back({JobReferenceText(job),
                          job.name(),
                          job.kind(),
                          job.dataset(),
                          {StateText(job), v1::JobState_Name(job.state())},
                          {ProgressText(job), absl::StrFormat("%.4f", ProgressRatio(job.progress()))},
                          TimeCell(job.submitted(), now),
                          job.user(),
                          job.priority(),
                          absl::StrCat(job.attempts()),
                          job.worker(),
                          TimeCell(job.started(), now),
                          TimeCell(job.ended(), now),
                          WhyText(job)});
  }
  return table;
}

Table JobDetails(const v1::Job& job, absl::Time now) {
  Table table;
  table.columns = {{"FIELD"}, {"VALUE"}};
  const auto add = [&table](const char* field, const Cell& value) {
    if (!value.machine.empty()) table.rows.push_back({field, value});
  };
  add("job", JobReferenceText(job));
  add("name", job.name());
  add("kind", job.kind());
  add("dataset", job.dataset());
  add("state", {StateText(job), v1::JobState_Name(job.state())});
  add("why", WhyText(job));
  add("progress", ProgressText(job));
  add("metrics", MetricList(job.metrics()));
  add("result", MetricList(job.result()));
  add("user", job.user());
  add("priority", job.priority());
  add("submitted", TimeCell(job.submitted(), now));
  add("started", TimeCell(job.started(), now));
  add("ended", TimeCell(job.ended(), now));
  add("attempts", absl::StrCat(job.attempts()));
  add("worker", job.worker());
  add("unreachable since", TimeCell(job.unreachable_since(), now));
  add("after", absl::StrJoin(job.dependencies(), ", ",
                             [](std::string* text, int64_t id) { absl::StrAppend(text, "job/", id); }));
  if (job.parent_job() != 0) add("from", absl::StrCat("job/", job.parent_job(), "@", job.parent_selector()));
  return table;
}

Table AttemptTable(const RepeatedPtrField<v1::Attempt>& attempts, absl::Time now) {
  Table table;
  table.columns = {{"ATTEMPT"}, {"STATE"},   {"WORKER"}, {"DEVICES", true},
                   {"DATA"},    {"STARTED"}, {"ENDED"},  {"FROM STEP", false, true},
                   {"REASON"}};
  for (const v1::Attempt& attempt : attempts) {
    const std::string state = v1::AttemptState_Name(attempt.state());
    table.rows.push_back({absl::StrCat(attempt.job_id(), ".", attempt.number()),
                          std::string(absl::StripPrefix(state, "ATTEMPT_")), attempt.worker(),
                          absl::StrJoin(attempt.devices(), " "), SourceDigestCell(attempt),
                          TimeCell(attempt.started(), now), TimeCell(attempt.ended(), now),
                          absl::StrCat(attempt.resumed_step()),
                          WithMessage(ReasonName(attempt.reason()), attempt.message())});
  }
  return table;
}

Table EventTable(const RepeatedPtrField<v1::JobEvent>& events, absl::Time now) {
  Table table;
  table.columns = {
      {"EVENT", true, true}, {"TIME"}, {"ATTEMPT", false, true}, {"TYPE"}, {"STATE"}, {"ACTOR"}, {"MESSAGE"}};
  for (const v1::JobEvent& event : events) {
    table.rows.push_back({absl::StrCat(event.seq()), TimeCell(event.time(), now),
                          event.attempt() == 0 ? "" : absl::StrCat(event.attempt()), event.type(),
                          v1::JobState_Name(event.state()), event.actor(),
                          WithMessage(ReasonName(event.reason()), event.message())});
  }
  return table;
}

Table MetricTable(const RepeatedPtrField<v1::MetricPoint>& points) {
  Table table;
  table.columns = {{"ATTEMPT", false, true}, {"STEP", false, true}, {"EPOCH", false, true}, {"NAME"},
                   {"VALUE", false, true},   {"TIME", true}};
  for (const v1::MetricPoint& point : points) {
    table.rows.push_back({absl::StrCat(point.attempt()), absl::StrCat(point.step()),
                          absl::StrCat(point.epoch()), point.name(), NumberCell(point.value()),
                          Rfc3339(point.time())});
  }
  return table;
}

Table CheckpointTable(const RepeatedPtrField<v1::Checkpoint>& checkpoints, absl::Time now) {
  Table table;
  table.columns = {{"CHECKPOINT"},
                   {"STEP", false, true},
                   {"EPOCH", false, true},
                   {"STATE"},
                   {"MARK"},
                   {"METRIC"},
                   {"VALUE", false, true},
                   {"SIZE", false, true},
                   {"ATTEMPT", true, true},
                   {"CREATED"}};
  for (const v1::Checkpoint& checkpoint : checkpoints) {
    uint64_t size = 0;
    for (const v1::ArtifactFile& file : checkpoint.files()) size += file.size();
    std::vector<std::string> marks;
    if (checkpoint.best()) marks.push_back("best");
    if (checkpoint.last()) marks.push_back("last");
    const bool scored = !checkpoint.metric_name().empty();
    table.rows.push_back({absl::StrCat("job/", checkpoint.job_id(), "@step:", checkpoint.step()),
                          absl::StrCat(checkpoint.step()),
                          absl::StrCat(checkpoint.epoch()),
                          v1::CheckpointState_Name(checkpoint.state()),
                          absl::StrJoin(marks, " "),
                          checkpoint.metric_name(),
                          scored ? NumberCell(checkpoint.metric_value()) : Cell(""),
                          {HumanBytes(size), absl::StrCat(size)},
                          absl::StrCat(checkpoint.attempt()),
                          TimeCell(checkpoint.created(), now)});
  }
  return table;
}

Table WorkerTable(const RepeatedPtrField<v1::Worker>& workers, absl::Time now) {
  Table table;
  table.columns = {{"WORKER"}, {"STATE"},      {"DEVICES"},       {"DATASETS"}, {"RUNNING"},
                   {"HEARD"},  {"HOST", true}, {"VERSION", true}, {"WHY", true}};
  for (const v1::Worker& worker : workers) {
    const std::string datasets = absl::StrJoin(
        worker.datasets(), " ",
        [](std::string* text, const v1::WorkerDataset& set) { absl::StrAppend(text, set.name()); });
    table.rows.push_back({worker.name(), WorkerState(worker), DeviceList(worker), datasets,
                          absl::StrJoin(worker.attempts(), " "), TimeCell(worker.last_heartbeat(), now),
                          worker.host(), worker.version(), worker.cordon_reason()});
  }
  return table;
}

Table TokenTable(const RepeatedPtrField<v1::Token>& tokens, absl::Time now) {
  Table table;
  table.columns = {{"TOKEN", false, true}, {"PRINCIPAL"},     {"ROLE"},       {"STATE"}, {"EXPIRES"},
                   {"LAST USED"},          {"CREATED", true}, {"DESCRIPTION"}};
  for (const v1::Token& token : tokens) {
    const absl::Duration left = ToTime(token.expires()) - now;
    const bool expired = left <= absl::ZeroDuration();
    table.rows.push_back({absl::StrCat(token.id()),
                          token.principal(),
                          token.role(),
                          token.revoked() ? "REVOKED"
                          : expired       ? "EXPIRED"
                                          : "VALID",
                          {expired ? Ago(token.expires(), now) : absl::StrCat("in ", HumanDuration(left)),
                           Rfc3339(token.expires())},
                          TimeCell(token.last_used(), now),
                          TimeCell(token.created(), now),
                          token.description()});
  }
  return table;
}

}  // namespace ecgtrain
