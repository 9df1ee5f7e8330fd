// How a reactor waits without a thread: for a notification or a time, whichever comes first.
#ifndef ECGTRAIN_SERVER_API_WAKEUP_H_
#define ECGTRAIN_SERVER_API_WAKEUP_H_

#include <grpcpp/alarm.h>

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "common/mutex.h"
#include "server/coordinator/notification_hub.h"

namespace ecgtrain {

// Thread-safe. A notification that comes while nobody waits ends the next wait at once, so none is lost
// between a look at the store and the wait. May be destroyed when no wait is under way and nobody can notify
// any more.
class Wakeup final : public Listener {
 public:
  // Calls `resume` once, on a thread of gRPC, after a notification or after `timeout`. One wait at a time.
  void Arm(absl::Duration timeout, std::function<void()> resume);
  void Notify() override;

 private:
  Mutex mutex_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
  bool armed_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> resume_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_WAKEUP_H_
