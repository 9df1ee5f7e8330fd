// Why queued jobs wait, for answers: the scheduler's own plan of the present state.
//
// One plan serves all who want it, the scheduler's pass among them: it is made when somebody asks, not
// before, and kept until the next change or for five seconds, because one list of the queue is many pages.
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

  // A question, put before the read transaction begins that answers it: what changes in between counts as
  // later. Refers to its Explanations.
  class Question {
   public:
    // A plan no older than the question. Errors are the store's.
    absl::StatusOr<std::shared_ptr<const SchedulerPlan>> Fresh(StoreReader& reader) const {
      return explanations_.PlanFor(reader, version_, asked_);
    }
    // The same, or one made at most five seconds before it, if nothing has changed since.
    absl::StatusOr<std::shared_ptr<const SchedulerPlan>> Recent(StoreReader& reader) const;

   private:
    friend class Explanations;
    Question(Explanations& explanations, uint64_t version, absl::Duration asked)
        : explanations_(explanations), version_(version), asked_(asked) {}

    Explanations& explanations_;
    const uint64_t version_;
    const absl::Duration asked_;
  };
  Question Ask() { return {*this, version_.load(), clock_.Monotonic()}; }

 private:
  absl::StatusOr<std::shared_ptr<const SchedulerPlan>> PlanFor(StoreReader& reader, uint64_t version,
                                                               absl::Duration not_before);

  Clock& clock_;
  const Leases& leases_;
  std::atomic<uint64_t> version_ = 1;
  // Held while a plan is made: whoever asks meanwhile wants that very plan.
  Mutex mutex_;
  std::shared_ptr<const SchedulerPlan> plan_ ABSL_GUARDED_BY(mutex_);  // shared with answers being made
  uint64_t plan_version_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration planned_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_EXPLANATIONS_H_
