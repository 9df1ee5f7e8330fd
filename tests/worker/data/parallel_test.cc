#include "worker/data/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace ecgtrain {
namespace {

TEST(ParallelTest, EveryIndexIsWorkedOnOnce) {
  for (const size_t threads : {1, 2, 7, 100}) {
    for (const size_t count : {0, 1, 5, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      RunInParallel(count, threads, [&](size_t i) { ++calls[i]; });
      for (const std::atomic<int>& each : calls) EXPECT_EQ(each, 1) << threads << " threads, " << count;
    }
  }
}

TEST(ParallelTest, ThreadCountIsTheWishOrOneACore) {
  EXPECT_EQ(ThreadCount(3), 3u);
  EXPECT_GE(ThreadCount(0), 1u);
  EXPECT_LE(ThreadCount(0), 16u);
}

}  // namespace
}  // namespace ecgtrain
