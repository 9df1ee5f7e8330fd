#include "client/cancellation.h"

#include <gtest/gtest.h>

#include <thread>

namespace ecgtrain {
namespace {

TEST(CancellationTest, CallsThoseInScopeOnceAndNobodyAfterwards) {
  FakeClock clock;
  Cancellation cancellation(clock);
  int inside = 0;
  int gone = 0;
  {
    const Cancellation::Scope ended(cancellation, [&gone] { ++gone; });
  }
  const Cancellation::Scope scope(cancellation, [&inside] { ++inside; });
  cancellation.Cancel();
  cancellation.Cancel();
  EXPECT_EQ(inside, 1);
  EXPECT_EQ(gone, 0);
  EXPECT_TRUE(cancellation.cancelled());
}

TEST(CancellationTest, ScopeThatBeginsAfterwardsIsCalledAtOnce) {
  FakeClock clock;
  Cancellation cancellation(clock);
  cancellation.Cancel();
  bool called = false;
  const Cancellation::Scope scope(cancellation, [&called] { called = true; });
  EXPECT_TRUE(called);
}

TEST(CancellationTest, EndsASleep) {
  FakeClock clock;
  Cancellation cancellation(clock);
  bool completed = true;
  std::thread sleeper([&] { completed = cancellation.SleepFor(absl::Hours(1)); });
  cancellation.Cancel();
  sleeper.join();
  EXPECT_FALSE(completed);
}

}  // namespace
}  // namespace ecgtrain
