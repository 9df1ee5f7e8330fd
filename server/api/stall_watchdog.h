// Cuts streams whose reader has stopped reading: a message that does not go out holds memory, a place among
// the followers and, at shutdown, the server.
#ifndef ECGTRAIN_SERVER_API_STALL_WATCHDOG_H_
#define ECGTRAIN_SERVER_API_STALL_WATCHDOG_H_

#include <functional>
#include <map>
#include <thread>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace ecgtrain {

// Thread-safe. Its thread starts with the first message.
class StallWatchdog {
 public:
  StallWatchdog(Clock& clock, absl::Duration limit) : clock_(clock), limit_(limit) {}
  ~StallWatchdog();

  // A message of `stream` goes out. Unless Sent comes within the limit, `cut` is called, once, on the
  // watchdog's thread; it must not call back.
  void Sending(const void* stream, std::function<void()> cut) ABSL_LOCKS_EXCLUDED(mutex_);
  // It has gone out, or never will. `cut` is not running and will not be called after the return.
  void Sent(const void* stream) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    absl::Duration deadline;
    std::function<void()> cut;
  };
  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Cuts what is late; when to look again.
  absl::Duration CutLate(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Clock& clock_;
  const absl::Duration limit_;
  Mutex mutex_;
  CondVar changed_;
  std::map<const void*, Entry> sending_ ABSL_GUARDED_BY(mutex_);
  absl::Duration wake_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_STALL_WATCHDOG_H_
