#include "worker/data/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ecgtrain {
namespace {

TEST(ParallelTest, EveryIndexIsWorkedOnOnceAndTakenInOrder) {
  for (const size_t threads : {1, 2, 7, 100}) {
    for (const size_t count : {0, 1, 5, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      std::vector<size_t> slots(SlotCount(threads), ~size_t{0});
      size_t expected = 0;
      const absl::Status status = RunInOrder(
          count, threads,
          [&](size_t index, size_t, size_t slot) {
            ++calls[index];
            slots[slot] = index;
          },
          [&](size_t index, size_t slot) {
            EXPECT_EQ(index, expected++);
            EXPECT_EQ(slots[slot], index) << "somebody else wrote into the slot";
            return absl::OkStatus();
          });
      EXPECT_TRUE(status.ok());
      EXPECT_EQ(expected, count);
      for (const std::atomic<int>& each : calls) EXPECT_EQ(each, 1) << threads << " threads, " << count;
    }
  }
}

TEST(ParallelTest, ThreadHasOneWorkAtATimeAndTheCallerTakes) {
  constexpr size_t kThreads = 7;
  std::vector<std::atomic<int>> busy(kThreads);
  const std::thread::id caller = std::this_thread::get_id();
  const absl::Status status = RunInOrder(
      2000, kThreads,
      [&](size_t, size_t thread, size_t) {
        ASSERT_LT(thread, kThreads);
        EXPECT_EQ(busy[thread]++, 0);
        --busy[thread];
      },
      [&](size_t, size_t) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok());
}

TEST(ParallelTest, WorkRunsAheadByTheSlotsAtMost) {
  for (const size_t threads : {1, 3}) {
    std::atomic<size_t> taken = 0;
    const absl::Status status = RunInOrder(
        500, threads, [&](size_t index, size_t, size_t) { EXPECT_LT(index, taken + SlotCount(threads)); },
        [&](size_t, size_t) {
          ++taken;
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok());
  }
}

TEST(ParallelTest, ErrorEndsTheLoop) {
  for (const size_t threads : {1, 2, 7}) {
    size_t taken = 0;
    const absl::Status status = RunInOrder(
        1000, threads, [](size_t, size_t, size_t) {},
        [&](size_t index, size_t) {
          ++taken;
          return index == 10 ? absl::CancelledError("enough") : absl::OkStatus();
        });
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(taken, 11u);
  }
}

TEST(ParallelTest, ThreadCountIsTheWishOrOneACore) {
  EXPECT_EQ(ThreadCount(3), 3u);
  EXPECT_GE(ThreadCount(0), 1u);
  EXPECT_LE(ThreadCount(0), 16u);
}

}  // namespace
}  // namespace ecgtrain
