// How much may pass in a time, for each of many keys: a token bucket a key.
#ifndef ECGTRAIN_COMMON_RATE_LIMIT_H_
#define ECGTRAIN_COMMON_RATE_LIMIT_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace ecgtrain {

// Thread-safe. A key costs memory while its bucket is not full.
class RateLimit {
 public:
  // `per_second` tokens come back each second, up to `burst`, which is there at first.
  RateLimit(Clock& clock, uint64_t per_second, uint64_t burst)
      : clock_(clock), per_second_(static_cast<double>(per_second)), burst_(static_cast<double>(burst)) {}

  // Takes up to `wanted` tokens; how many there were.
  uint64_t Take(absl::string_view key, uint64_t wanted) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Bucket {
    double tokens;
    absl::Duration filled;
  };
  double TokensIn(const Bucket& bucket, absl::Duration now) const;
  void ForgetFull(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Clock& clock_;
  const double per_second_;
  const double burst_;
  Mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_ ABSL_GUARDED_BY(mutex_);
  size_t forget_at_ ABSL_GUARDED_BY(mutex_) = 64;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_RATE_LIMIT_H_
