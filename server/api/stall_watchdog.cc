#include "server/api/stall_watchdog.h"

#include <algorithm>
#include <utility>

namespace ecgtrain {

StallWatchdog::~StallWatchdog() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    thread.swap(thread_);
    changed_.NotifyAll();
  }
  if (thread.joinable()) thread.join();
}

void StallWatchdog::Sending(const void* stream, std::function<void()> cut) {
  const absl::Duration deadline = clock_.Monotonic() + limit_;
  MutexLock lock(mutex_);
  sending_.insert_or_assign(stream, Entry{deadline, std::move(cut)});
  if (!thread_.joinable() && !stopping_) thread_ = std::thread([this] { Loop(); });
  // Later deadlines than the one it sleeps for cannot make it late: mostly nobody is woken.
  if (deadline < wake_at_) changed_.NotifyAll();
}

void StallWatchdog::Sent(const void* stream) {
  MutexLock lock(mutex_);
  sending_.erase(stream);
}

absl::Duration StallWatchdog::CutLate(absl::Duration now) {
  absl::Duration next = absl::InfiniteDuration();
  for (auto entry = sending_.begin(); entry != sending_.end();) {
    if (entry->second.deadline > now) {
      next = std::min(next, entry->second.deadline);
      ++entry;
      continue;
    }
    // Under the lock, so that Sent waits for it and the stream still exists.
    entry->second.cut();
    entry = sending_.erase(entry);
  }
  return next;
}

void StallWatchdog::Loop() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    wake_at_ = CutLate(clock_.Monotonic());
    if (wake_at_ == absl::InfiniteDuration()) {
      changed_.Wait(mutex_);
    } else {
      clock_.WaitUntil(changed_, mutex_, wake_at_);
    }
  }
}

}  // namespace ecgtrain
