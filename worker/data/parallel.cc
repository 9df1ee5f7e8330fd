#include "worker/data/parallel.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/mutex.h"

namespace ecgtrain {
namespace {

// Which index is whose turn. Thread-safe.
class Schedule {
 public:
  Schedule(size_t count, size_t slots) : count_(count), ready_(slots, false) {}

  // The next index to work on, once its slot is free; nothing when there is no more.
  std::optional<size_t> WaitForWork() {
    MutexLock lock(mutex_);
    while (next_ < count_ && !CanStart()) changed_.Wait(mutex_);
    if (next_ >= count_) return std::nullopt;
    return next_++;
  }

  enum class Turn { kTake, kWork, kEnd };
  // For the thread that takes results: those first, else an index to work on.
  std::pair<Turn, size_t> WaitForTurn() {
    MutexLock lock(mutex_);
    while (taken_ < count_ && !ready_[taken_ % ready_.size()] && !CanStart()) changed_.Wait(mutex_);
    if (taken_ >= count_) return {Turn::kEnd, 0};
    if (ready_[taken_ % ready_.size()]) return {Turn::kTake, taken_};
    return {Turn::kWork, next_++};
  }

  void Worked(size_t index) {
    MutexLock lock(mutex_);
    ready_[index % ready_.size()] = true;
    if (index == taken_) changed_.NotifyAll();
  }

  void Taken() {
    MutexLock lock(mutex_);
    ready_[taken_ % ready_.size()] = false;
    ++taken_;
    changed_.NotifyAll();
  }

  // No index is given out any more.
  void Stop() {
    MutexLock lock(mutex_);
    count_ = 0;
    changed_.NotifyAll();
  }

 private:
  bool CanStart() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return next_ < count_ && next_ < taken_ + ready_.size();
  }

  Mutex mutex_;
  CondVar changed_;
  size_t count_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<bool> ready_ ABSL_GUARDED_BY(mutex_);  // by slot
};

}  // namespace

size_t ThreadCount(int wanted) {
  return wanted > 0 ? wanted : std::clamp(std::thread::hardware_concurrency(), 1u, 16u);
}

absl::Status RunInOrder(size_t count, size_t threads,
                        absl::FunctionRef<void(size_t index, size_t thread, size_t slot)> work,
                        absl::FunctionRef<absl::Status(size_t index, size_t slot)> take) {
  const size_t slots = SlotCount(threads);
  Schedule schedule(count, slots);
  std::vector<std::thread> helpers;
  helpers.reserve(threads);
  try {
    while (helpers.size() + 1 < std::min(threads, count)) {
      helpers.emplace_back([&, thread = helpers.size() + 1] {
        while (const std::optional<size_t> index = schedule.WaitForWork()) {
          work(*index, thread, *index % slots);
          schedule.Worked(*index);
        }
      });
    }
  } catch (const std::system_error&) {  // a limit on processes: the threads that are there do the work
    LogWarning("fewer threads than wanted", {{"threads", helpers.size() + 1}, {"wanted", threads}});
  }
  absl::Status status;
  while (status.ok()) {
    const auto [turn, index] = schedule.WaitForTurn();
    if (turn == Schedule::Turn::kEnd) break;
    if (turn == Schedule::Turn::kWork) {
      work(index, 0, index % slots);
      schedule.Worked(index);
    } else {
      status = take(index, index % slots);
      schedule.Taken();
    }
  }
  schedule.Stop();
  for (std::thread& helper : helpers) helper.join();
  return status;
}

}  // namespace ecgtrain
