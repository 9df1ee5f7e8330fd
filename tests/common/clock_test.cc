#include "common/clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace ecgtrain {
namespace {

TEST(FakeClock, AdvanceMovesWallAndMonotonicTime) {
  FakeClock clock;
  const absl::Time wall = clock.Now();
  const absl::Duration monotonic = clock.Monotonic();
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now() - wall, absl::Seconds(5));
  EXPECT_EQ(clock.Monotonic() - monotonic, absl::Seconds(5));
}

TEST(FakeClock, WallTimeJumpLeavesMonotonicTimeAlone) {
  FakeClock clock;
  const absl::Duration monotonic = clock.Monotonic();
  clock.JumpWallTime(absl::Hours(-3));
  EXPECT_EQ(clock.Monotonic(), monotonic);
}

TEST(FakeClock, WaiterReturnsWhenItsDeadlineIsReached) {
  FakeClock clock;
  Mutex mutex;
  CondVar condition;
  const absl::Duration deadline = clock.Monotonic() + absl::Seconds(10);
  std::thread waiter([&] {
    MutexLock lock(mutex);
    while (clock.Monotonic() < deadline) clock.WaitUntil(condition, mutex, deadline);
  });
  // Whatever the order of the two threads: a deadline already reached never waits.
  clock.Advance(absl::Seconds(4));
  clock.Advance(absl::Seconds(6));
  waiter.join();
  EXPECT_GE(clock.Monotonic(), deadline);
}

TEST(RealClock, MonotonicTimeNeverFalls) {
  RealClock clock;
  const absl::Duration before = clock.Monotonic();
  EXPECT_GE(clock.Monotonic(), before);
}

}  // namespace
}  // namespace ecgtrain
