#include "server/telemetry/row_collector.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/channel_settings.h"
#include "server/coordinator/job_query.h"
#include "server/coordinator/proto_time.h"
#include "server/telemetry/page.h"
#include "spec/dataset_reference.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kReadEvery = absl::Seconds(1);
constexpr int kMostJobs = 200;
constexpr size_t kMostMetricsOfJob = 32;
constexpr v1::JobState kStates[] = {v1::QUEUED,    v1::RUNNING, v1::PAUSED,
                                    v1::SUCCEEDED, v1::FAILED,  v1::CANCELLED};

double UnixSeconds(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

void AddJobInfo(Page& page, const v1::Job& job, const std::string& id) {
  page.Add("ecgtrain_job_info",
           {{"job_id", id},
            {"name", job.name()},
            {"user", job.user()},
            {"kind", job.kind()},
            {"dataset", std::string(DatasetName(job.dataset()))},
            {"worker", job.worker()},
            {"parent_job_id", job.parent_job() == 0 ? "" : absl::StrCat(job.parent_job())}},
           1);
}

void AddProgress(Page& page, const v1::Job& job, const std::string& id) {
  const v1::Progress& progress = job.progress();
  const Page::Labels labels = {{"job_id", id}};
  page.Add("ecgtrain_job_step", labels, static_cast<double>(progress.step()));
  page.Add("ecgtrain_job_epoch", labels, progress.epoch());
  page.Add("ecgtrain_job_records_per_second", labels, progress.records_per_second());
  if (progress.has_updated()) {
    page.Add("ecgtrain_job_last_step_timestamp_seconds", labels,
             UnixSeconds(FromProtoTime(progress.updated())));
  }
  if (progress.total_steps() == 0 || progress.step() > progress.total_steps()) return;
  const double total = static_cast<double>(progress.total_steps());
  page.Add("ecgtrain_job_progress_ratio", labels, static_cast<double>(progress.step()) / total);
  if (progress.step_seconds() > 0) {
    page.Add("ecgtrain_job_eta_seconds", labels,
             (total - static_cast<double>(progress.step())) * progress.step_seconds());
  }
}

// "validation/auroc_macro" is metric auroc_macro of the split validation.
size_t AddMetrics(Page& page, const v1::Job& job, const std::string& id) {
  const std::map<std::string, double> sorted(job.metrics().begin(), job.metrics().end());
  size_t shown = 0;
  for (const auto& [name, value] : sorted) {
    if (shown++ >= kMostMetricsOfJob) continue;
    const std::vector<std::string> parts = absl::StrSplit(name, absl::MaxSplits('/', 1));
    const bool split = parts.size() == 2;
    page.Add("ecgtrain_job_metric",
             {{"job_id", id}, {"metric", split ? parts[1] : name}, {"split", split ? parts[0] : ""}}, value);
  }
  return shown > kMostMetricsOfJob ? shown - kMostMetricsOfJob : 0;
}

absl::Status AddRunningJobs(Page& page, StoreReader& reader, int64_t running, ProcessCounters& counters) {
  ASSIGN_OR_RETURN(const auto jobs, reader.ListJobs({.states = {v1::RUNNING}, .limit = kMostJobs}));
  size_t dropped = 0;
  for (const v1::Job& job : jobs) {
    const std::string id = absl::StrCat(job.id());
    AddJobInfo(page, job, id);
    AddProgress(page, job, id);
    dropped += AddMetrics(page, job, id);
  }
  if (dropped > 0) counters.OnSeriesDropped("ecgtrain_job_metric", dropped);
  if (running > kMostJobs)
    counters.OnSeriesDropped("ecgtrain_job_info", static_cast<size_t>(running - kMostJobs));
  return absl::OkStatus();
}

absl::Status AddQueue(Page& page, StoreReader& reader, const Explanations::Question& explanations,
                      int64_t queued) {
  if (queued == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto plan, explanations.Recent(reader));
  for (const auto& [key, count] : plan->waiting) {
    page.Add("ecgtrain_jobs_pending",
             {{"reason", v1::PendingReason_Name(key.first)}, {"priority", key.second}},
             static_cast<double>(count));
  }
  return absl::OkStatus();
}

absl::Status AddWorkers(Page& page, StoreReader& reader, Coordinator& coordinator) {
  ASSIGN_OR_RETURN(const std::vector<v1::Worker> workers, DescribeWorkers(reader, coordinator.leases()));
  std::map<std::string, double> states = {{"ready", 0}, {"cordoned", 0}, {"unreachable", 0}};
  for (const v1::Worker& worker : workers) {
    states[!worker.reachable() ? "unreachable" : worker.cordoned() ? "cordoned" : "ready"] += 1;
    if (worker.has_last_heartbeat()) {
      page.Add("ecgtrain_worker_last_heartbeat_timestamp_seconds", {{"worker", worker.name()}},
               UnixSeconds(FromProtoTime(worker.last_heartbeat())));
    }
  }
  for (const auto& [state, count] : states) page.Add("ecgtrain_workers", {{"state", state}}, count);
  return absl::OkStatus();
}

void AddDisk(Page& page, DiskGuard& disk) {
  const std::optional<FreeSpace::Room> room = disk.Room();
  if (!room.has_value()) return;
  page.Add("ecgtrain_storage_free_bytes", {{"volume", "store"}}, static_cast<double>(room->free));
  page.Add("ecgtrain_storage_size_bytes", {{"volume", "store"}}, static_cast<double>(room->size));
  const std::vector<std::string> now = NotTaken(disk.Level());
  for (const std::string& what : NotTaken(DiskLevel::kNoNewWork)) {
    page.Add("ecgtrain_storage_not_taken", {{"what", what}},
             std::find(now.begin(), now.end(), what) == now.end() ? 0 : 1);
  }
}

absl::Status AddRows(Page& page, StoreReader& reader, Coordinator& coordinator,
                     const Explanations::Question& explanations, ProcessCounters& counters) {
  ASSIGN_OR_RETURN(auto counts, reader.CountJobs());
  for (const v1::JobState state : kStates) {
    page.Add("ecgtrain_jobs", {{"state", v1::JobState_Name(state)}}, static_cast<double>(counts[state]));
  }
  ASSIGN_OR_RETURN(const std::vector<v1::Attempt> live, reader.LiveAttempts(""));
  double unreachable = 0;
  for (const v1::Attempt& attempt : live)
    unreachable += coordinator.leases().IsOverdue(attempt.worker()) ? 1 : 0;
  page.Add("ecgtrain_leases", {}, static_cast<double>(live.size()));
  page.Add("ecgtrain_attempts_unreachable", {}, unreachable);
  RETURN_IF_ERROR(AddWorkers(page, reader, coordinator));
  RETURN_IF_ERROR(AddQueue(page, reader, explanations, counts[v1::QUEUED]));
  return AddRunningJobs(page, reader, counts[v1::RUNNING], counters);
}

}  // namespace

std::vector<prometheus::MetricFamily> RowCollector::Collect() const {
  MutexLock lock(mutex_);
  const absl::Duration now = coordinator_.clock().Monotonic();
  if (collected_ && now - *collected_ < kReadEvery) return last_;
  Page page;
  page.Add("ecgtrain_build_info",
           {{"program", "ecg-coordinator"},
            {"version", ECGTRAIN_VERSION},
            {"grpc", grpc::Version()},
            {"proto_api", absl::StrCat(kApiVersion)}},
           1);
  page.Add("ecgtrain_insecure_mode", {}, insecure_ ? 1 : 0);
  page.Add("ecgtrain_store_bytes", {}, static_cast<double>(coordinator_.store().SizeBytes()));
  if (const auto bytes = coordinator_.artifacts().SizeBytes(); bytes.ok()) {
    page.Add("ecgtrain_artifact_bytes", {}, static_cast<double>(*bytes));
  }
  AddDisk(page, coordinator_.admission().disk());
  AddProcessMetrics(page);
  const Explanations::Question question = coordinator_.explanations().Ask();
  const absl::Status read = coordinator_.store().Read(
      [&](StoreReader& reader) { return AddRows(page, reader, coordinator_, question, counters_); });
  if (!read.ok()) LogWarning("a metrics page is incomplete", {{"error", read.message()}});
  last_ = page.Take();
  collected_ = now;
  return last_;
}

}  // namespace ecgtrain
