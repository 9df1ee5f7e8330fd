#include "server/coordinator/explanations.h"

#include "common/status_macros.h"
#include "server/coordinator/snapshot.h"

namespace ecgtrain {
namespace {
constexpr absl::Duration kLongestKept = absl::Seconds(5);
}

absl::StatusOr<std::shared_ptr<const SchedulerPlan>> Explanations::Question::Recent(
    StoreReader& reader) const {
  return explanations_.PlanFor(reader, version_, asked_ - kLongestKept);
}

absl::StatusOr<std::shared_ptr<const SchedulerPlan>> Explanations::PlanFor(StoreReader& reader,
                                                                           uint64_t version,
                                                                           absl::Duration not_before) {
  MutexLock lock(mutex_);
  if (plan_ != nullptr && plan_version_ >= version && planned_ > not_before) return plan_;
  const absl::Duration now = clock_.Monotonic();
  ASSIGN_OR_RETURN(const SchedulerSnapshot snapshot, ReadSnapshot(reader, leases_));
  plan_ = std::make_shared<const SchedulerPlan>(PlanSchedule(snapshot, clock_.Now()));
  plan_version_ = version;
  planned_ = now;
  return plan_;
}

}  // namespace ecgtrain
