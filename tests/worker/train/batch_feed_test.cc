#include "worker/train/batch_feed.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <vector>

namespace ecgtrain {
namespace {

Batch Numbered(size_t number) { return {.x = at::full({1}, static_cast<double>(number))}; }

std::vector<size_t> TakeAll(BatchFeed& feed, size_t count) {
  std::vector<size_t> numbers;
  for (size_t i = 0; i < count; ++i) numbers.push_back(static_cast<size_t>(feed.Next().x.item<double>()));
  return numbers;
}

TEST(BatchFeed, GivesEveryBatchOnceAndInOrder) {
  for (const size_t ahead : {1, 2, 8, 100}) {
    std::atomic<size_t> made = 0;
    BatchFeed feed(3, 20, ahead, [&](size_t number) {
      ++made;
      return Numbered(number);
    });
    std::vector<size_t> expected;
    for (size_t number = 3; number < 20; ++number) expected.push_back(number);
    EXPECT_EQ(TakeAll(feed, 17), expected);
    EXPECT_EQ(made, 17u);
  }
}

TEST(BatchFeed, MakesTheNextBatchesWhileNobodyAsks) {
  std::latch three_under_way(3);  // passes only when three are made at the same time
  BatchFeed feed(0, 3, 3, [&](size_t number) {
    three_under_way.arrive_and_wait();
    return Numbered(number);
  });
  three_under_way.wait();
  EXPECT_EQ(TakeAll(feed, 3), (std::vector<size_t>{0, 1, 2}));
}

TEST(BatchFeed, IsNeverFurtherAheadThanItMay) {
  std::atomic<size_t> furthest = 0;
  BatchFeed feed(0, 50, 2, [&](size_t number) {
    size_t known = furthest;
    while (known < number && !furthest.compare_exchange_weak(known, number)) {
    }
    return Numbered(number);
  });
  for (size_t taken = 0; taken < 50; ++taken) {
    EXPECT_LE(furthest, taken + 1);
    feed.Next();
  }
}

TEST(BatchFeed, ThrowsAtTheBatchThatCouldNotBeMade) {
  BatchFeed feed(0, 10, 4, [](size_t number) {
    if (number == 2) throw std::runtime_error("no memory");
    return Numbered(number);
  });
  EXPECT_EQ(TakeAll(feed, 2), (std::vector<size_t>{0, 1}));
  EXPECT_THROW(feed.Next(), std::runtime_error);
}

TEST(BatchFeed, EndsInTheMiddleAfterWhatIsBeingMade) {
  std::atomic<size_t> running = 0;
  {
    BatchFeed feed(0, 1000, 3, [&](size_t number) {
      ++running;
      Batch batch = Numbered(number);
      --running;
      return batch;
    });
    feed.Next();
  }
  EXPECT_EQ(running, 0u);
}

TEST(BatchFeed, AnEmptyPassMakesNothing) {
  BatchFeed feed(5, 5, 3, [](size_t) -> Batch { throw std::logic_error("asked"); });
}

}  // namespace
}  // namespace ecgtrain
