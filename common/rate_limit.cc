#include "common/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace ecgtrain {

double RateLimit::TokensIn(const Bucket& bucket, absl::Duration now) const {
  return std::min(burst_, bucket.tokens + absl::ToDoubleSeconds(now - bucket.filled) * per_second_);
}

void RateLimit::ForgetFull(absl::Duration now) {
  if (buckets_.size() < forget_at_) return;
  std::erase_if(buckets_, [&](const auto& entry) { return TokensIn(entry.second, now) >= burst_; });
  forget_at_ = std::max<size_t>(64, 2 * buckets_.size());  // so that a call costs little on average
}

uint64_t RateLimit::Take(absl::string_view key, uint64_t wanted) {
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(mutex_);
  ForgetFull(now);
  Bucket& bucket = buckets_.try_emplace(std::string(key), Bucket{burst_, now}).first->second;
  bucket.tokens = TokensIn(bucket, now);
  bucket.filled = now;
  const uint64_t taken = std::min(wanted, static_cast<uint64_t>(bucket.tokens));
  bucket.tokens -= static_cast<double>(taken);
  return taken;
}

}  // namespace ecgtrain
