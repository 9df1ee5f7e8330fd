#include "client/cancellation.h"

#include <utility>

namespace ecgtrain {

void Cancellation::Cancel() {
  MutexLock lock(mutex_);
  if (cancelled_) return;
  cancelled_ = true;
  for (const auto& [id, callback] : callbacks_) callback();
  changed_.NotifyAll();
}

bool Cancellation::cancelled() {
  MutexLock lock(mutex_);
  return cancelled_;
}

bool Cancellation::SleepFor(absl::Duration duration) {
  const absl::Duration deadline = clock_.Monotonic() + duration;
  MutexLock lock(mutex_);
  while (!cancelled_ && clock_.Monotonic() < deadline) clock_.WaitUntil(changed_, mutex_, deadline);
  return !cancelled_;
}

Cancellation::Scope::Scope(Cancellation& owner, std::function<void()> callback) : owner_(owner) {
  MutexLock lock(owner_.mutex_);
  id_ = owner_.next_id_++;
  if (owner_.cancelled_) callback();
  owner_.callbacks_.emplace(id_, std::move(callback));
}

Cancellation::Scope::~Scope() {
  MutexLock lock(owner_.mutex_);
  owner_.callbacks_.erase(id_);
}

}  // namespace ecgtrain
