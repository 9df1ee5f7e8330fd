#include "common/clock.h"

#include <time.h>

#include <algorithm>

#include "absl/time/clock.h"

namespace ecgtrain {

absl::Time RealClock::Now() { return absl::Now(); }

absl::Duration RealClock::Monotonic() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

void RealClock::WaitUntil(CondVar& condition, Mutex& mutex, absl::Duration deadline) {
  // wait_for overflows on an infinite duration; a day is as good, since callers loop.
  condition.WaitFor(mutex, std::clamp(deadline - Monotonic(), absl::ZeroDuration(), absl::Hours(24)));
}

absl::Time FakeClock::Now() {
  MutexLock lock(mutex_);
  return now_;
}

absl::Duration FakeClock::Monotonic() {
  MutexLock lock(mutex_);
  return monotonic_;
}

void FakeClock::WaitUntil(CondVar& condition, Mutex& mutex, absl::Duration deadline) {
  Waiter waiter{&condition, &mutex};
  {
    MutexLock lock(mutex_);
    if (monotonic_ >= deadline) return;
    waiters_.push_back(&waiter);
  }
  condition.Wait(mutex);
  MutexLock lock(mutex_);
  std::erase(waiters_, &waiter);
}

void FakeClock::Advance(absl::Duration step) {
  std::vector<Waiter> waiters;
  {
    MutexLock lock(mutex_);
    now_ += step;
    monotonic_ += step;
    for (const Waiter* waiter : waiters_) waiters.push_back(*waiter);
  }
  // Taking the waiter's own mutex makes sure that it waits already; it is taken without ours, which a waiter
  // takes second.
  for (const Waiter& waiter : waiters) {
    MutexLock lock(*waiter.mutex);
    waiter.condition->NotifyAll();
  }
}

void FakeClock::JumpWallTime(absl::Duration step) {
  MutexLock lock(mutex_);
  now_ += step;
}

}  // namespace ecgtrain
