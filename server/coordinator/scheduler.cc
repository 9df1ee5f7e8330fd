#include "server/coordinator/scheduler.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/units.h"
#include "server/coordinator/placement.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kAgingStep = absl::Hours(24);

struct Candidate {
  const QueuedJob* job;
  int priority_class;
  bool lapsed;
};

std::vector<Candidate> InOrder(const SchedulerSnapshot& snapshot, absl::Time now) {
  std::vector<Candidate> candidates;
  candidates.reserve(snapshot.queued.size() + snapshot.lapsed.size());
  for (const auto& job : snapshot.queued) candidates.push_back({job.get(), PriorityClass(*job, now), false});
  for (const auto& job : snapshot.lapsed) candidates.push_back({job.get(), PriorityClass(*job, now), true});
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.priority_class != b.priority_class) return a.priority_class > b.priority_class;
    return a.job->id < b.job->id;
  });
  return candidates;
}

// Backoff or a dependency: what no device could change.
std::optional<v1::Pending> HeldBack(const QueuedJob& job, const SchedulerSnapshot& snapshot, absl::Time now) {
  if (job.not_before && *job.not_before > now) {
    return MakePending(v1::BACKOFF,
                       absl::StrCat("waits ", HumanDuration(*job.not_before - now), " after attempt ",
                                    job.attempts, " ended with ", v1::EndReason_Name(job.reason)));
  }
  for (const int64_t dependency : job.dependencies) {
    const auto found = snapshot.dependencies.find(dependency);
    const v1::JobState state =
        found == snapshot.dependencies.end() ? v1::JOB_STATE_UNSPECIFIED : found->second;
    if (state == v1::SUCCEEDED) continue;
    return MakePending(v1::DEPENDENCY,
                       absl::StrCat("waits for job/", dependency, ", which is ", v1::JobState_Name(state)));
  }
  return std::nullopt;
}

}  // namespace

int PriorityClass(const QueuedJob& job, absl::Time now) {
  const absl::Duration age = std::max(now - job.submitted, absl::ZeroDuration());
  const int64_t steps = std::min<int64_t>(age / kAgingStep, 2);
  return std::min(2, PriorityRank(job.priority) + static_cast<int>(steps));
}

SchedulerPlan PlanSchedule(const SchedulerSnapshot& snapshot, absl::Time now) {
  SchedulerPlan plan;
  Placement placement(snapshot);
  uint32_t ahead = 0;
  for (const Candidate& candidate : InOrder(snapshot, now)) {
    const QueuedJob& job = *candidate.job;
    if (!candidate.lapsed) {
      if (std::optional<v1::Pending> held = HeldBack(job, snapshot, now)) {
        held->set_position(ahead + 1);
        ++plan.waiting[{held->reason(), job.priority}];
        plan.pending.emplace(job.id, *std::move(held));
        continue;
      }
    }
    auto taken = placement.Take(DemandOf(job, snapshot.avoid));
    if (auto* place = std::get_if<Placement::Place>(&taken)) {
      plan.leases.push_back({job.id, std::move(place->worker), std::move(place->devices), candidate.lapsed});
      continue;
    }
    if (candidate.lapsed) continue;  // goes on where it is, as far as anybody knows
    auto& pending = std::get<v1::Pending>(taken);
    pending.set_position(ahead + 1);
    ++plan.waiting[{pending.reason(), job.priority}];
    if (pending.reason() == v1::DEVICES_BUSY) ++ahead;
    plan.pending.emplace(job.id, std::move(pending));
  }
  return plan;
}

}  // namespace ecgtrain
