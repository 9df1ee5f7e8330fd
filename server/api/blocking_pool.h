// A few threads for what waits for the disk: chunks of files. Reactors hand it closures and go on when they
// are done.
#ifndef ECGTRAIN_SERVER_API_BLOCKING_POOL_H_
#define ECGTRAIN_SERVER_API_BLOCKING_POOL_H_

#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/mutex.h"

namespace ecgtrain {

// Thread-safe. The queue is as long as there are calls, each of which has one closure at most.
class BlockingPool {
 public:
  // Threads start with the first closure: an idle server has none of them.
  explicit BlockingPool(size_t threads) : size_(threads) {}
  // Runs what is queued, then ends.
  ~BlockingPool();

  void Run(absl::AnyInvocable<void()> work);

 private:
  void Loop();

  const size_t size_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_BLOCKING_POOL_H_
