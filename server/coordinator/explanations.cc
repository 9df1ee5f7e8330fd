#include "server/coordinator/explanations.h"

#include "common/status_macros.h"
#include "server/coordinator/snapshot.h"

namespace ecgtrain {
namespace {
constexpr absl::Duration kLongestKept = absl::Seconds(5);
}

absl::StatusOr<std::shared_ptr<const SchedulerPlan>> Explanations::Current(StoreReader& reader) {
  const uint64_t version = version_.load();
  const absl::Duration now = clock_.Monotonic();
  {
    MutexLock lock(mutex_);
    if (plan_ != nullptr && plan_version_ == version && now - planned_ < kLongestKept) return plan_;
  }
  ASSIGN_OR_RETURN(const SchedulerSnapshot snapshot, ReadSnapshot(reader, leases_));
  auto plan = std::make_shared<const SchedulerPlan>(PlanSchedule(snapshot, clock_.Now()));
  MutexLock lock(mutex_);
  plan_ = plan;
  plan_version_ = version;
  planned_ = now;
  return plan;
}

}  // namespace ecgtrain
