#include "server/coordinator/leases.h"

namespace ecgtrain {

Leases::Leases(Clock& clock, LeaseOptions options)
    : clock_(clock), options_(options), start_(clock.Monotonic()) {}

void Leases::Register(absl::string_view worker, absl::string_view session) {
  MutexLock lock(mutex_);
  Entry& entry = entries_[std::string(worker)];
  entry.session = std::string(session);
  entry.beat = 0;
  entry.reachable_since = clock_.Monotonic();
  Hear(entry);
}

Leases::Beat Leases::Heard(absl::string_view worker, absl::string_view session, uint64_t beat) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(worker);
  if (found == entries_.end() || found->second.session != session) return Beat::kUnknown;
  Entry& entry = found->second;
  if (beat <= entry.beat) return Beat::kOld;
  entry.beat = beat;
  Hear(entry);
  return Beat::kCounts;
}

void Leases::Heard(absl::string_view worker) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(worker);
  if (found == entries_.end()) return;
  Hear(found->second);
}

bool Leases::IsReachable(absl::string_view worker) const {
  MutexLock lock(mutex_);
  return entries_.contains(worker) && SilentFor(worker) < options_.unreachable_after;
}

absl::Duration Leases::ReachableFor(absl::string_view worker) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(worker);
  if (found == entries_.end() || SilentFor(worker) >= options_.unreachable_after) return absl::ZeroDuration();
  return clock_.Monotonic() - found->second.reachable_since;
}

bool Leases::IsOverdue(absl::string_view worker) const {
  MutexLock lock(mutex_);
  return SilentFor(worker) >= options_.unreachable_after;
}

bool Leases::HasLapsed(absl::string_view worker) const {
  MutexLock lock(mutex_);
  return SilentFor(worker) >= options_.lease;
}

std::optional<absl::Time> Leases::LastHeard(absl::string_view worker) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(worker);
  if (found == entries_.end()) return std::nullopt;
  return found->second.heard_wall;
}

void Leases::Hear(Entry& entry) {
  const absl::Duration now = clock_.Monotonic();
  if (now - entry.heard >= options_.unreachable_after) entry.reachable_since = now;
  entry.heard = now;
  entry.heard_wall = clock_.Now();
}

absl::Duration Leases::SilentFor(absl::string_view worker) const {
  const auto found = entries_.find(worker);
  return clock_.Monotonic() - (found == entries_.end() ? start_ : found->second.heard);
}

}  // namespace ecgtrain
