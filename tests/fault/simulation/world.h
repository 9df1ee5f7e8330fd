// Time, chance and memory of one simulated history: a clock that jumps from one scheduled event to the next,
// a generator of which everything random is drawn, and a trace of what happened.
//
// Everything runs on one thread, in an order that the seed decides: the same seed is the same history.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_WORLD_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_WORLD_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/clock.h"

namespace ecgtrain::simulation {

// splitmix64: the same numbers with every standard library.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next();
  // 0 to `bound` - 1.
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  bool Chance(double probability) { return static_cast<double>(Next() >> 11) * 0x1p-53 < probability; }
  absl::Duration Between(absl::Duration low, absl::Duration high);

 private:
  uint64_t state_;
};

// Never waits: the store's writer is woken by work only. Thread-safe.
class SimulatedClock final : public Clock {
 public:
  absl::Time Now() override { return absl::FromUnixSeconds(1'800'000'000) + Elapsed(); }
  absl::Duration Monotonic() override { return absl::Seconds(1000) + Elapsed(); }
  void WaitUntil(CondVar& condition, Mutex& mutex, absl::Duration /*deadline*/)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) override {
    condition.Wait(mutex);
  }

  absl::Duration Elapsed() const { return absl::Nanoseconds(elapsed_.load()); }
  void Set(absl::Duration elapsed) { elapsed_.store(absl::ToInt64Nanoseconds(elapsed)); }

 private:
  std::atomic<int64_t> elapsed_ = 0;
};

// For a store with a thread of its own: dates rows as the other does, but never lets its thread find that
// time has passed while nobody looked, and do something that the seed does not know of. Thread-safe.
class StandingClock final : public Clock {
 public:
  explicit StandingClock(SimulatedClock& clock) : clock_(clock) {}
  absl::Time Now() override { return clock_.Now(); }
  absl::Duration Monotonic() override { return absl::ZeroDuration(); }
  void WaitUntil(CondVar& condition, Mutex& mutex, absl::Duration /*deadline*/)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) override {
    condition.Wait(mutex);
  }

 private:
  SimulatedClock& clock_;
};

// Bound to one thread.
class World {
 public:
  explicit World(uint64_t seed) : random(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Runs `event` so much later; events of one instant in the order in which they were scheduled.
  void After(absl::Duration delay, std::function<void()> event);
  // Jumps to the next event and runs it. False: there is none.
  bool Step();
  absl::Duration Elapsed() const { return clock.Elapsed(); }

  // Remembers a line of the trace, and for ever its digest.
  void Note(const std::string& line);
  const std::deque<std::string>& trace() const { return trace_; }
  // A promise is broken: the first one ends the history.
  void Break(const std::string& finding) {
    if (broken_.empty()) broken_ = finding;
  }
  const std::string& broken() const { return broken_; }
  uint64_t digest() const { return digest_; }
  int64_t steps() const { return steps_; }

  SimulatedClock clock;
  Random random;

 private:
  std::map<std::pair<absl::Duration, int64_t>, std::function<void()>> events_;
  int64_t scheduled_ = 0;
  int64_t steps_ = 0;
  std::deque<std::string> trace_;
  std::string broken_;
  uint64_t digest_ = 14695981039346656037u;
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_WORLD_H_
