#include "client/retry_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;

// Plans the results of a call and records the waits, which pass on a fake clock.
struct Trial {
  FakeClock clock;
  std::vector<absl::Duration> waits;
  int calls = 0;
  bool interrupted = false;

  absl::Status Run(std::deque<absl::Status> results, absl::Duration timeout, double random = 0.5) {
    const RetryEnvironment environment{clock,
                                       [this](absl::Duration wait) {
                                         waits.push_back(wait);
                                         clock.Advance(wait);
                                         return !interrupted;
                                       },
                                       [random] { return random; },
                                       {}};
    return CallWithRetry(RetryPolicy(), timeout, environment, [&](absl::Duration) {
      ++calls;
      const absl::Status result = results.front();
      if (results.size() > 1) results.pop_front();
      return result;
    });
  }
};

const absl::Status kAway = absl::UnavailableError("away");

TEST(RetryPolicyTest, WaitsTwiceAsLongEachTimeUpToTheMaximum) {
  Trial trial;
  const absl::Status status =
      trial.Run({kAway, kAway, kAway, kAway, kAway, kAway, kAway, absl::OkStatus()}, absl::Minutes(5));
  EXPECT_TRUE(status.ok());
  EXPECT_THAT(trial.waits, ElementsAre(absl::Milliseconds(200), absl::Milliseconds(400),
                                       absl::Milliseconds(800), absl::Milliseconds(1600),
                                       absl::Milliseconds(3200), absl::Seconds(5), absl::Seconds(5)));
}

TEST(RetryPolicyTest, JitterStaysWithinAFifthOfTheDelay) {
  Trial low;
  Trial high;
  EXPECT_TRUE(low.Run({kAway, absl::OkStatus()}, absl::Minutes(1), 0.0).ok());
  EXPECT_TRUE(high.Run({kAway, absl::OkStatus()}, absl::Minutes(1), 1.0).ok());
  EXPECT_THAT(low.waits, ElementsAre(absl::Milliseconds(160)));
  EXPECT_THAT(high.waits, ElementsAre(absl::Milliseconds(240)));
}

TEST(RetryPolicyTest, ReturnsAtOnceWhatRepeatingCannotMend) {
  for (const absl::Status& status :
       {absl::NotFoundError("x"), absl::InvalidArgumentError("x"), absl::DataLossError("x")}) {
    Trial trial;
    EXPECT_EQ(trial.Run({status}, absl::Minutes(1)), status);
    EXPECT_EQ(trial.calls, 1);
  }
}

TEST(RetryPolicyTest, GivesUpBeforeAWaitThatWouldEndAfterTheTimeout) {
  Trial trial;
  EXPECT_EQ(trial.Run({kAway}, absl::Seconds(1)), kAway);
  EXPECT_THAT(trial.waits, ElementsAre(absl::Milliseconds(200), absl::Milliseconds(400)));
  EXPECT_EQ(trial.calls, 3);
}

TEST(RetryPolicyTest, InterruptedWaitIsCancelled) {
  Trial trial;
  trial.interrupted = true;
  EXPECT_TRUE(absl::IsCancelled(trial.Run({kAway}, absl::Minutes(1))));
}

TEST(RetryPolicyTest, ResetBeginsWithTheFirstDelayAgain) {
  Backoff backoff(RetryPolicy(), [] { return 0.5; });
  backoff.Next();
  backoff.Next();
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(200));
}

}  // namespace
}  // namespace ecgtrain
