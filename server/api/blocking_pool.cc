#include "server/api/blocking_pool.h"

#include <utility>

namespace ecgtrain {

BlockingPool::~BlockingPool() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

void BlockingPool::Run(absl::AnyInvocable<void()> work) {
  MutexLock lock(mutex_);
  queue_.push_back(std::move(work));
  if (idle_ < queue_.size() && threads_.size() < size_) threads_.emplace_back([this] { Loop(); });
  changed_.NotifyOne();
}

void BlockingPool::Loop() {
  while (true) {
    absl::AnyInvocable<void()> work;
    {
      MutexLock lock(mutex_);
      ++idle_;
      while (queue_.empty() && !stopping_) changed_.Wait(mutex_);
      --idle_;
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace ecgtrain
