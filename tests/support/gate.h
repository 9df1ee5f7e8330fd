// One thread waits for what another does once, without a clock.
#ifndef ECGTRAIN_TESTS_SUPPORT_GATE_H_
#define ECGTRAIN_TESTS_SUPPORT_GATE_H_

#include "common/mutex.h"

namespace ecgtrain {

// Opened once. Thread-safe.
class Gate {
 public:
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    opened_.NotifyAll();
  }
  bool IsOpen() {
    MutexLock lock(mutex_);
    return open_;
  }
  void Wait() {
    MutexLock lock(mutex_);
    while (!open_) opened_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar opened_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SUPPORT_GATE_H_
