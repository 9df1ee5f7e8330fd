// A disk whose free space is what a test says.
#ifndef ECGTRAIN_TESTS_FAKES_FAKE_FREE_SPACE_H_
#define ECGTRAIN_TESTS_FAKES_FAKE_FREE_SPACE_H_

#include <atomic>

#include "common/free_space.h"

namespace ecgtrain {

// Thread-safe.
class FakeFreeSpace final : public FreeSpace {
 public:
  explicit FakeFreeSpace(uint64_t free) : free_(free) {}
  void Set(uint64_t free) { free_.store(free); }
  absl::StatusOr<Room> Measure() override { return Room{free_.load(), uint64_t{1} << 40}; }

 private:
  std::atomic<uint64_t> free_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FAKES_FAKE_FREE_SPACE_H_
