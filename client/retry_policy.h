// When a failed call is made again, and how long to wait before. No gRPC in here: the worker uses it too.
#ifndef ECGTRAIN_CLIENT_RETRY_POLICY_H_
#define ECGTRAIN_CLIENT_RETRY_POLICY_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock.h"

namespace ecgtrain {

struct RetryPolicy {
  absl::Duration initial = absl::Milliseconds(200);
  absl::Duration maximum = absl::Seconds(5);
  double multiplier = 2.0;
  // A delay is drawn from delay x [1 - jitter, 1 + jitter].
  double jitter = 0.2;
};

// Waits; false when interrupted before the time was over.
using Sleeper = std::function<bool(absl::Duration)>;
// Uniform in [0, 1).
using RandomSource = std::function<double()>;

// A random source seeded by the system.
RandomSource SystemRandom();

// The delays of one series of retries. Thread-compatible.
class Backoff {
 public:
  Backoff(const RetryPolicy& policy, RandomSource random);

  absl::Duration Next();
  // The other side answered: the next delay is the first again.
  void Reset();

 private:
  RetryPolicy policy_;
  RandomSource random_;
  absl::Duration current_;
};

// True when the same request may succeed later: UNAVAILABLE, and DEADLINE_EXCEEDED of one try. The request
// must be a read or carry a request_id.
bool IsRetryable(const absl::Status& status);

struct RetryEnvironment {
  Clock& clock;
  Sleeper sleep;
  RandomSource random;
  // Told before each wait; may be empty.
  std::function<void(const absl::Status& failure, absl::Duration delay)> on_retry;
};

// Calls `attempt`, with the time that is left, until it returns something not retryable or the next try would
// begin after `timeout`. Returns the last result; CANCELLED when a wait was interrupted.
absl::Status CallWithRetry(const RetryPolicy& policy, absl::Duration timeout,
                           const RetryEnvironment& environment,
                           const std::function<absl::Status(absl::Duration remaining)>& attempt);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_RETRY_POLICY_H_
