// Who runs where next, and why everybody else waits: a pure function of a snapshot and the time.
//
// Order: priority class (high, normal, low; a job rises one class for each 24 h since its submission), then
// submit number. Waiting, retrying and being lost never worsen a place. A job takes the first device that
// fits; one that finds none holds nobody up.
#ifndef ECGTRAIN_SERVER_COORDINATOR_SCHEDULER_H_
#define ECGTRAIN_SERVER_COORDINATOR_SCHEDULER_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "ecgtrain/v1/job.pb.h"
#include "server/store/queued_job.h"

namespace ecgtrain {

struct SchedulerSnapshot {
  struct WorkerState {
    v1::Worker worker;
    bool reachable = false;
  };
  QueuedJobs queued;
  // RUNNING jobs whose worker's lease has lapsed and that may go elsewhere.
  QueuedJobs lapsed;
  std::vector<WorkerState> workers;
  std::vector<v1::Attempt> live;  // all attempts not ENDED
  // State of each job that a queued one comes after.
  std::map<int64_t, v1::JobState> dependencies;
  // Job to the worker that its next attempt should avoid if another one fits.
  std::map<int64_t, std::string> avoid;
};

struct LeaseDecision {
  int64_t job_id = 0;
  std::string worker;
  std::vector<std::string> devices;
  bool replaces_lost = false;  // the job's live attempt is given up first
};

struct SchedulerPlan {
  std::vector<LeaseDecision> leases;
  // Of each queued job that is not leased: exactly one reason.
  std::map<int64_t, v1::Pending> pending;
  // How many of them by reason and priority.
  std::map<std::pair<v1::PendingReason, std::string>, int64_t> waiting;
};

SchedulerPlan PlanSchedule(const SchedulerSnapshot& snapshot, absl::Time now);

// Priority class after aging: 0 low, 1 normal, 2 high.
int PriorityClass(const QueuedJob& job, absl::Time now);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_SCHEDULER_H_
