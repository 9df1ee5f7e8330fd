#include "server/coordinator/snapshot.h"

#include <set>

#include "common/status_macros.h"
#include "server/coordinator/retry_rules.h"

namespace ecgtrain {
namespace {

constexpr int kMostQueued = 100'000;

absl::Status AddDependencies(StoreReader& reader, SchedulerSnapshot& snapshot) {
  for (const auto& job : snapshot.queued) {
    for (const int64_t dependency : job->dependencies) {
      if (snapshot.dependencies.contains(dependency)) continue;
      ASSIGN_OR_RETURN(const v1::JobState state, reader.StateOfJob(dependency));
      snapshot.dependencies.emplace(dependency, state);
    }
  }
  return absl::OkStatus();
}

absl::Status AddAvoided(StoreReader& reader, SchedulerSnapshot& snapshot) {
  for (const auto& job : snapshot.queued) {
    if (job->attempts <= job->requeued_after_attempt) continue;
    if (RuleFor(job->reason).worker != NextWorker::kAnother) continue;
    ASSIGN_OR_RETURN(const v1::Attempt last, reader.GetAttempt(job->id, job->attempts));
    snapshot.avoid.emplace(job->id, last.worker());
  }
  return absl::OkStatus();
}

absl::Status AddLapsed(StoreReader& reader, const Leases& leases, SchedulerSnapshot& snapshot) {
  for (const v1::Attempt& attempt : snapshot.live) {
    if (!leases.HasLapsed(attempt.worker())) continue;
    ASSIGN_OR_RETURN(const v1::Job job, reader.GetJob(attempt.job_id()));
    const bool stopping = job.stop_requested() != v1::STOP_NONE;
    if (job.spec().on_lost() == "elsewhere" && !stopping)
      snapshot.lapsed.push_back(std::make_shared<const QueuedJob>(QueuedJobOf(job)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SchedulerSnapshot> ReadSnapshot(StoreReader& reader, const Leases& leases) {
  SchedulerSnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.queued, reader.Queue(kMostQueued));
  ASSIGN_OR_RETURN(snapshot.live, reader.LiveAttempts(""));
  ASSIGN_OR_RETURN(std::vector<v1::Worker> workers, reader.ListWorkers());
  for (v1::Worker& worker : workers) {
    const bool reachable = leases.IsReachable(worker.name());
    snapshot.workers.push_back({std::move(worker), reachable});
  }
  RETURN_IF_ERROR(AddDependencies(reader, snapshot));
  RETURN_IF_ERROR(AddAvoided(reader, snapshot));
  RETURN_IF_ERROR(AddLapsed(reader, leases, snapshot));
  return snapshot;
}

absl::StatusOr<bool> HasFreeDevice(StoreReader& reader, const Leases& leases) {
  ASSIGN_OR_RETURN(const std::vector<v1::Worker> workers, reader.ListWorkers());
  ASSIGN_OR_RETURN(const std::vector<v1::Attempt> live, reader.LiveAttempts(""));
  std::set<std::pair<std::string, std::string>> busy;
  for (const v1::Attempt& attempt : live) {
    for (const std::string& device : attempt.devices()) busy.emplace(attempt.worker(), device);
  }
  for (const v1::Worker& worker : workers) {
    if (worker.cordoned() || !leases.IsReachable(worker.name())) continue;
    for (const v1::Device& device : worker.devices()) {
      if (!busy.contains({worker.name(), device.id()})) return true;
    }
  }
  return false;
}

}  // namespace ecgtrain
