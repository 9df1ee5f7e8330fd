// Failures of the system's calls and of LibTorch's allocator, on purpose. A program that links
// failing_calls.cc gets its write, fsync and mkdir for those of the C library.
#ifndef ECGTRAIN_TESTS_WORKER_TRAIN_FAILING_CALLS_H_
#define ECGTRAIN_TESTS_WORKER_TRAIN_FAILING_CALLS_H_

#include <limits>
#include <string>

namespace ecgtrain {

inline constexpr int kEndless = std::numeric_limits<int>::max();

// While it lives, the calls number `first`, ..., `first` + `count` - 1 (from 1) that write to a path holding
// `part` find the disk full. Calls of all threads count. One at a time.
class FullDiskCalls {
 public:
  FullDiskCalls(int first, int count, std::string part);
  ~FullDiskCalls();
  FullDiskCalls(const FullDiskCalls&) = delete;
  FullDiskCalls& operator=(const FullDiskCalls&) = delete;

  // Calls so far, failed ones included.
  int calls() const;
};

// From its making on LibTorch's CPU allocator refuses blocks of more than `bytes`, as an allocator of a GPU
// does, with `message`. One at a time.
class FailingAllocator {
 public:
  enum class Kind { kOutOfMemory, kError };
  FailingAllocator(size_t bytes, Kind kind, std::string message);
  ~FailingAllocator();
  FailingAllocator(const FailingAllocator&) = delete;
  FailingAllocator& operator=(const FailingAllocator&) = delete;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_WORKER_TRAIN_FAILING_CALLS_H_
