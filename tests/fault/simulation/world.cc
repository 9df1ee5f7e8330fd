#include "tests/fault/simulation/world.h"

#include "absl/strings/str_cat.h"

namespace ecgtrain::simulation {
namespace {

constexpr size_t kLinesKept = 80;

}  // namespace

uint64_t Random::Next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t value = state_;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

absl::Duration Random::Between(absl::Duration low, absl::Duration high) {
  const int64_t span = absl::ToInt64Microseconds(high - low);
  return low + absl::Microseconds(static_cast<int64_t>(Below(static_cast<uint64_t>(span) + 1)));
}

void World::After(absl::Duration delay, std::function<void()> event) {
  events_.emplace(std::make_pair(Elapsed() + delay, ++scheduled_), std::move(event));
}

bool World::Step() {
  if (events_.empty()) return false;
  auto next = events_.extract(events_.begin());
  clock.Set(next.key().first);
  ++steps_;
  next.mapped()();
  return true;
}

void World::Note(const std::string& line) {
  trace_.push_back(
      absl::StrCat(absl::FormatDuration(absl::Trunc(Elapsed(), absl::Milliseconds(1))), "  ", line));
  for (const char c : trace_.back()) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 1099511628211u;
  if (trace_.size() > kLinesKept) trace_.pop_front();
}

}  // namespace ecgtrain::simulation
