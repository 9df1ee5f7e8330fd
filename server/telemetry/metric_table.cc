#include "server/telemetry/metric_table.h"

#include <cstdlib>

#include "common/log.h"

namespace ecgtrain {

const std::vector<MetricInfo>& MetricTable() {
  using enum prometheus::MetricType;
  static const auto& table = *new std::vector<MetricInfo>{
      {"ecgtrain_build_info", Gauge, "1, with the program's version."},
      {"ecgtrain_ready", Gauge, "1 while the coordinator serves."},
      {"ecgtrain_insecure_mode", Gauge, "1 when it listens off loopback without TLS and tokens."},
      {"ecgtrain_jobs", Gauge, "Jobs by state."},
      {"ecgtrain_jobs_pending", Gauge, "Queued jobs by the one reason why they wait."},
      {"ecgtrain_job_submissions_total", Counter, "Submitted specifications by what became of them."},
      {"ecgtrain_job_transitions_total", Counter, "Changes of state."},
      {"ecgtrain_attempts_started_total", Counter, "Attempts leased to a worker."},
      {"ecgtrain_attempts_ended_total", Counter, "Attempts that ended, by reason."},
      {"ecgtrain_jobs_ended_total", Counter, "Jobs that ended, by state and reason."},
      {"ecgtrain_job_queue_wait_seconds", Histogram, "From the submission to the lease of an attempt."},
      {"ecgtrain_scheduler_pass_duration_seconds", Histogram, "One pass of the scheduler, reading included."},
      {"ecgtrain_leases", Gauge, "Attempts leased or running."},
      {"ecgtrain_attempts_unreachable", Gauge, "Live attempts whose worker is not heard of."},
      {"ecgtrain_stale_token_rejections_total", Counter,
       "Calls of workers about attempts that are not theirs any more."},
      {"ecgtrain_workers", Gauge, "Workers by state."},
      {"ecgtrain_worker_last_heartbeat_timestamp_seconds", Gauge, "When the worker was last heard of."},
      {"ecgtrain_store_commit_duration_seconds", Histogram, "Making one group of transactions durable."},
      {"ecgtrain_store_commit_batch_size", Histogram, "Transactions of one commit."},
      {"ecgtrain_store_errors_total", Counter, "Groups of transactions that could not be committed."},
      {"ecgtrain_store_queue_depth", Gauge, "Transactions that waited at the end of the last commit."},
      {"ecgtrain_store_bytes", Gauge, "Size of the database."},
      {"ecgtrain_artifact_bytes", Gauge, "Size of all stored files."},
      {"ecgtrain_storage_free_bytes", Gauge, "Free bytes of the disk, by what lies on it."},
      {"ecgtrain_storage_size_bytes", Gauge, "Size of that disk."},
      {"ecgtrain_storage_not_taken", Gauge, "1 for what a disk that fills has made the coordinator give up."},
      {"ecgtrain_backup_last_success_timestamp_seconds", Gauge,
       "When the newest backup of the database was made."},
      {"ecgtrain_metrics_series_dropped_total", Counter, "Series left out because of a limit."},
      {"ecgtrain_job_info", Gauge, "1, with what is known of a running job."},
      {"ecgtrain_job_progress_ratio", Gauge, "Steps done of all steps."},
      {"ecgtrain_job_eta_seconds", Gauge, "Time to the last step at the present speed."},
      {"ecgtrain_job_epoch", Gauge, "Epoch, from 1."},
      {"ecgtrain_job_step", Gauge, "Optimizer steps done."},
      {"ecgtrain_job_records_per_second", Gauge, "Records trained on in a second."},
      {"ecgtrain_job_metric", Gauge, "Last value of a metric of the job."},
      {"ecgtrain_job_last_step_timestamp_seconds", Gauge, "When the job last reported progress."},
      {"grpc_server_handled_total", Counter, "Calls that ended, by code."},
      {"grpc_server_handling_seconds", Histogram, "Duration of calls."},
      {"process_start_time_seconds", Gauge, "When the process started, Unix time."},
      {"process_resident_memory_bytes", Gauge, "Resident memory."},
      {"process_cpu_seconds_total", Counter, "Processor time, user and system."},
      {"process_open_fds", Gauge, "Open file descriptors."},
  };
  return table;
}

const MetricInfo& FindMetric(absl::string_view name) {
  for (const MetricInfo& info : MetricTable()) {
    if (name == info.name) return info;
  }
  LogError("a metric is not in the table", {{"name", name}});
  std::abort();
}

}  // namespace ecgtrain
