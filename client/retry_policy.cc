#include "client/retry_policy.h"

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

namespace ecgtrain {

RandomSource SystemRandom() {
  std::random_device device;
  return [engine = std::mt19937_64(device())]() mutable {
    return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
  };
}

Backoff::Backoff(const RetryPolicy& policy, RandomSource random)
    : policy_(policy), random_(std::move(random)), current_(policy.initial) {}

absl::Duration Backoff::Next() {
  const double factor = 1.0 + policy_.jitter * (2.0 * random_() - 1.0);
  const absl::Duration delay = current_ * factor;
  current_ = std::min(policy_.maximum, current_ * policy_.multiplier);
  return delay;
}

void Backoff::Reset() { current_ = policy_.initial; }

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

absl::Status CallWithRetry(const RetryPolicy& policy, absl::Duration timeout,
                           const RetryEnvironment& environment,
                           const std::function<absl::Status(absl::Duration remaining)>& attempt) {
  Backoff backoff(policy, environment.random);
  const absl::Duration deadline = environment.clock.Monotonic() + timeout;
  while (true) {
    const absl::Status status = attempt(deadline - environment.clock.Monotonic());
    if (!IsRetryable(status)) return status;
    const absl::Duration delay = backoff.Next();
    if (environment.clock.Monotonic() + delay >= deadline) return status;
    if (environment.on_retry) environment.on_retry(status, delay);
    if (!environment.sleep(delay)) return absl::CancelledError("interrupted");
  }
}

}  // namespace ecgtrain
