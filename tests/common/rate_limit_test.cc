#include "common/rate_limit.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

TEST(RateLimitTest, TheBurstPassesAtOnceAndNotOneMore) {
  FakeClock clock;
  RateLimit limit(clock, 50, 200);
  EXPECT_EQ(limit.Take("ann", 200), 200u);
  EXPECT_EQ(limit.Take("ann", 1), 0u);
}

TEST(RateLimitTest, TokensComeBackAtTheRateUpToTheBurst) {
  FakeClock clock;
  RateLimit limit(clock, 50, 200);
  limit.Take("ann", 200);
  clock.Advance(absl::Milliseconds(100));
  EXPECT_EQ(limit.Take("ann", 10), 5u);
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(limit.Take("ann", 1000), 200u);
}

TEST(RateLimitTest, OneKeyDoesNotUseUpAnothersTokens) {
  FakeClock clock;
  RateLimit limit(clock, 50, 200);
  limit.Take("ann", 200);
  EXPECT_EQ(limit.Take("ben", 200), 200u);
}

TEST(RateLimitTest, AKeyInDebtIsRememberedAmongManyOthers) {
  FakeClock clock;
  RateLimit limit(clock, 1, 10);
  limit.Take("ann", 10);
  for (int i = 0; i < 10'000; ++i) limit.Take(absl::StrCat(i), 1);
  EXPECT_EQ(limit.Take("ann", 1), 0u);
}

}  // namespace
}  // namespace ecgtrain
