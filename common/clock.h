// Time as a dependency: whoever needs the time or waits for it is handed a Clock.
#ifndef ECGTRAIN_COMMON_CLOCK_H_
#define ECGTRAIN_COMMON_CLOCK_H_

#include <vector>

#include "absl/time/time.h"
#include "common/mutex.h"

namespace ecgtrain {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time: for display, `not_before` and expiry dates. May jump.
  virtual absl::Time Now() = 0;

  // Time since an arbitrary point, never going back, standing still while the host sleeps: for leases and
  // deadlines.
  virtual absl::Duration Monotonic() = 0;

  // Waits on `condition` until it is notified or Monotonic() has reached `deadline`; spurious returns happen.
  // The caller holds `mutex` and checks its condition, and the time, in a loop.
  virtual void WaitUntil(CondVar& condition, Mutex& mutex, absl::Duration deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;
};

class RealClock final : public Clock {
 public:
  absl::Time Now() override;
  absl::Duration Monotonic() override;
  void WaitUntil(CondVar& condition, Mutex& mutex, absl::Duration deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) override;
};

// A clock that a test advances by hand. Advance() wakes everybody who waits through it, whatever the
// deadline: their loops look at the time again. What waits through it must outlive a running Advance().
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1'800'000'000)) : now_(start) {}

  absl::Time Now() override;
  absl::Duration Monotonic() override;
  void WaitUntil(CondVar& condition, Mutex& mutex, absl::Duration deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) override;

  void Advance(absl::Duration step);
  // Moves wall time only, as a stepped host clock does.
  void JumpWallTime(absl::Duration step);

 private:
  struct Waiter {
    CondVar* condition;
    Mutex* mutex;
  };

  Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(1000);
  std::vector<Waiter*> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_CLOCK_H_
