#include "server/store/job_store.h"

#include <utility>

#include "common/mutex.h"

namespace ecgtrain {
namespace {

// Where the waiting thread gets the answer. Thread-safe.
class Answer {
 public:
  void Set(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_) {
    // Notified under the lock: the waiter destroys this object as soon as it sees the answer.
    MutexLock lock(mutex_);
    status_ = std::move(status);
    changed_.NotifyOne();
  }

  absl::Status Wait() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    while (!status_.has_value()) changed_.Wait(mutex_);
    return *status_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status JobStore::WriteAndWait(absl::FunctionRef<absl::Status(StoreTransaction&)> work) {
  Answer answer;
  Write(work, [&answer](absl::Status status) { answer.Set(std::move(status)); });
  return answer.Wait();
}

}  // namespace ecgtrain
