#include "server/telemetry/process_counters.h"

#include "absl/strings/str_split.h"
#include "server/telemetry/metric_table.h"

namespace ecgtrain {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets& LatencyBuckets() {
  static const auto& buckets =
      *new Buckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  return buckets;
}

const Buckets& WaitBuckets() {
  static const auto& buckets = *new Buckets{0.1, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600};
  return buckets;
}

const Buckets& SizeBuckets() {
  static const auto& buckets = *new Buckets{1, 2, 4, 8, 16, 32, 64, 128, 256};
  return buckets;
}

const char* NameOf(RpcType type) {
  switch (type) {
    case RpcType::kUnary:
      return "unary";
    case RpcType::kServerStream:
      return "server_stream";
    case RpcType::kClientStream:
      return "client_stream";
  }
  return "";
}

// Service and method of "/ecgtrain.v1.TrainingService/GetJob".
std::pair<std::string, std::string> SplitMethod(absl::string_view method) {
  std::vector<std::string> parts = absl::StrSplit(method, '/', absl::SkipEmpty());
  parts.resize(2);
  return {parts[0], parts[1]};
}

}  // namespace

ProcessCounters::ProcessCounters()
    : submissions_(AddCounters("ecgtrain_job_submissions_total")),
      transitions_(AddCounters("ecgtrain_job_transitions_total")),
      started_(AddCounters("ecgtrain_attempts_started_total")),
      attempts_ended_(AddCounters("ecgtrain_attempts_ended_total")),
      jobs_ended_(AddCounters("ecgtrain_jobs_ended_total")),
      stale_(AddCounters("ecgtrain_stale_token_rejections_total")),
      dropped_(AddCounters("ecgtrain_metrics_series_dropped_total")),
      store_errors_(AddCounters("ecgtrain_store_errors_total")),
      handled_(AddCounters("grpc_server_handled_total")),
      queue_wait_(AddHistograms("ecgtrain_job_queue_wait_seconds")),
      handling_(AddHistograms("grpc_server_handling_seconds")),
      pass_(AddHistograms("ecgtrain_scheduler_pass_duration_seconds").Add({}, LatencyBuckets())),
      commit_(AddHistograms("ecgtrain_store_commit_duration_seconds").Add({}, LatencyBuckets())),
      batch_(AddHistograms("ecgtrain_store_commit_batch_size").Add({}, SizeBuckets())),
      ready_(AddGauge("ecgtrain_ready")),
      queue_depth_(AddGauge("ecgtrain_store_queue_depth")),
      backup_time_(AddGauges("ecgtrain_backup_last_success_timestamp_seconds")) {}

ProcessCounters::Counters& ProcessCounters::AddCounters(const std::string& name) {
  return prometheus::BuildCounter().Name(name).Help(FindMetric(name).help).Register(*registry_);
}

ProcessCounters::Histograms& ProcessCounters::AddHistograms(const std::string& name) {
  return prometheus::BuildHistogram().Name(name).Help(FindMetric(name).help).Register(*registry_);
}

prometheus::Family<prometheus::Gauge>& ProcessCounters::AddGauges(const std::string& name) {
  return prometheus::BuildGauge().Name(name).Help(FindMetric(name).help).Register(*registry_);
}

prometheus::Gauge& ProcessCounters::AddGauge(const std::string& name) { return AddGauges(name).Add({}); }

void ProcessCounters::OnSubmission(absl::string_view kind, absl::string_view result) {
  submissions_.Add({{"kind", std::string(kind)}, {"result", std::string(result)}}).Increment();
}

void ProcessCounters::OnTransition(v1::JobState from, v1::JobState to) {
  const std::string before = from == v1::JOB_STATE_UNSPECIFIED ? "NEW" : v1::JobState_Name(from);
  transitions_.Add({{"from", before}, {"to", v1::JobState_Name(to)}}).Increment();
}

void ProcessCounters::OnAttemptLeased(const v1::Job& job, absl::Duration waited) {
  started_.Add({{"kind", job.kind()}}).Increment();
  queue_wait_.Add({{"kind", job.kind()}, {"priority", job.priority()}}, WaitBuckets())
      .Observe(absl::ToDoubleSeconds(waited));
}

void ProcessCounters::OnAttemptEnded(absl::string_view kind, v1::EndReason reason) {
  attempts_ended_.Add({{"kind", std::string(kind)}, {"reason", v1::EndReason_Name(reason)}}).Increment();
}

void ProcessCounters::OnJobEnded(const v1::Job& job) {
  jobs_ended_
      .Add({{"kind", job.kind()},
            {"state", v1::JobState_Name(job.state())},
            {"reason", v1::EndReason_Name(job.reason())}})
      .Increment();
}

void ProcessCounters::OnSchedulerPass(absl::Duration took) { pass_.Observe(absl::ToDoubleSeconds(took)); }

void ProcessCounters::OnStaleToken(absl::string_view method) {
  stale_.Add({{"method", SplitMethod(method).second}}).Increment();
}

void ProcessCounters::OnHandled(RpcType type, absl::string_view method, absl::StatusCode code,
                                absl::Duration took) {
  const auto [service, name] = SplitMethod(method);
  const prometheus::Labels labels = {
      {"grpc_type", NameOf(type)}, {"grpc_service", service}, {"grpc_method", name}};
  handling_.Add(labels, LatencyBuckets()).Observe(absl::ToDoubleSeconds(took));
  prometheus::Labels with_code = labels;
  with_code.emplace("grpc_code", absl::StatusCodeToString(code));
  handled_.Add(with_code).Increment();
}

void ProcessCounters::OnCommit(const CommitStatistics& statistics) {
  commit_.Observe(absl::ToDoubleSeconds(statistics.commit));
  batch_.Observe(static_cast<double>(statistics.transactions));
  queue_depth_.Set(static_cast<double>(statistics.queue_depth));
  if (!statistics.status.ok()) {
    store_errors_.Add({{"kind", absl::IsResourceExhausted(statistics.status) ? "full" : "io"}}).Increment();
  }
}

void ProcessCounters::OnSeriesDropped(absl::string_view family, size_t count) {
  dropped_.Add({{"family", std::string(family)}}).Increment(static_cast<double>(count));
}

void ProcessCounters::SetReady(bool ready) { ready_.Set(ready ? 1 : 0); }

void ProcessCounters::SetBackupTime(absl::Time time) {
  backup_time_.Add({}).Set(absl::ToDoubleSeconds(time - absl::UnixEpoch()));
}

}  // namespace ecgtrain
