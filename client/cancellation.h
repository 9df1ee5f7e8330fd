// "Stop what you are doing": one object that Ctrl-C sets and that every call and every wait of a program
// listens to.
#ifndef ECGTRAIN_CLIENT_CANCELLATION_H_
#define ECGTRAIN_CLIENT_CANCELLATION_H_

#include <cstdint>
#include <functional>
#include <map>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace ecgtrain {

// Thread-safe. Cancelled once, cancelled for ever.
class Cancellation {
 public:
  explicit Cancellation(Clock& clock) : clock_(clock) {}
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void Cancel();
  bool cancelled();

  // Returns true after `duration`, false as soon as the object is cancelled.
  bool SleepFor(absl::Duration duration);

  // While it lives, Cancel() calls `callback`; at once where Cancel() has been called before. The callback
  // must neither block nor use this object: it runs under its lock, so that the end of the scope waits for a
  // callback under way.
  class Scope {
   public:
    Scope(Cancellation& owner, std::function<void()> callback);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation& owner_;
    int64_t id_;
  };

 private:
  Clock& clock_;
  Mutex mutex_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, std::function<void()>> callbacks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CANCELLATION_H_
