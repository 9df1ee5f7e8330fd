#include "server/api/wakeup.h"

#include <chrono>
#include <utility>

namespace ecgtrain {

void Wakeup::Arm(absl::Duration timeout, std::function<void()> resume) {
  MutexLock lock(mutex_);
  resume_ = std::move(resume);
  armed_ = true;
  // A new alarm each time: the callback of the last one may still be returning.
  alarm_ = std::make_unique<grpc::Alarm>();
  const auto delay = absl::ToChronoMilliseconds(notified_ ? absl::ZeroDuration() : timeout);
  alarm_->Set(std::chrono::system_clock::now() + delay, [this](bool) {
    std::function<void()> next;
    {
      MutexLock relock(mutex_);
      armed_ = false;
      notified_ = false;
      next = std::move(resume_);
    }
    next();  // may destroy this object
  });
}

void Wakeup::Notify() {
  MutexLock lock(mutex_);
  notified_ = true;
  if (armed_) alarm_->Cancel();
}

}  // namespace ecgtrain
