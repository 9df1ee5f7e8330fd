// Why queued jobs wait, for answers: the scheduler's own plan of the present state.
//
// The plan is made when somebody asks, not before, and kept until the next change or for five seconds,
// because one list of the queue is many pages.
#ifndef ECGTRAIN_SERVER_COORDINATOR_EXPLANATIONS_H_
#define ECGTRAIN_SERVER_COORDINATOR_EXPLANATIONS_H_

#include <atomic>
#include <memory>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "server/coordinator/leases.h"
#include "server/coordinator/scheduler.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// Thread-safe.
class Explanations {
 public:
  Explanations(Clock& clock, const Leases& leases) : clock_(clock), leases_(leases) {}

  // Something has changed: the next question is answered anew.
  void Invalidate() { version_.fetch_add(1); }

  // The plan for what `reader` sees or has seen at most five seconds ago. Errors are the store's.
  absl::StatusOr<std::shared_ptr<const SchedulerPlan>> Current(StoreReader& reader);

 private:
  Clock& clock_;
  const Leases& leases_;
  std::atomic<uint64_t> version_ = 1;
  Mutex mutex_;
  std::shared_ptr<const SchedulerPlan> plan_ ABSL_GUARDED_BY(mutex_);  // shared with answers being made
  uint64_t plan_version_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration planned_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_EXPLANATIONS_H_
