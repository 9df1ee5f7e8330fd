// Random numbers that are the same on every host and with every standard library: a counter hashed by
// SplitMix64 (Steele, Lea, Flood 2014). Thread-compatible.
#ifndef ECGTRAIN_WORKER_DATA_RANDOM_H_
#define ECGTRAIN_WORKER_DATA_RANDOM_H_

#include <cstdint>

namespace ecgtrain {

class Random {
 public:
  // Independent streams for each (seed, purpose, index).
  Random(uint64_t seed, uint64_t purpose, uint64_t index) : state_(Mix(Mix(Mix(seed) ^ purpose) ^ index)) {}

  uint64_t Next() { return Mix(state_ += 0x9e3779b97f4a7c15); }

  // From [low, high).
  double Uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(Next() >> 11) * 0x1p-53;
  }

  bool Chance(double probability) { return Uniform(0, 1) < probability; }

  // Mean 0, deviation 1, never beyond 3.5: the sum of four uniform numbers, near enough to normal for noise.
  double Noise() {
    const uint64_t bits = Next();
    const double sum =
        static_cast<double>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    return (sum - 2 * 65535.0) * (1.7320508075688772 / 65535.0);
  }

 private:
  static uint64_t Mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  uint64_t state_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_RANDOM_H_
