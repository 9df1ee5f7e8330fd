// Randomness as a function: every draw is a hash of (seed, purpose, what it is for, counter), so that a
// checkpoint needs no generator state and a resumed training draws what an uninterrupted one would have
// drawn. Thread-safe.
#ifndef ECGTRAIN_WORKER_MODEL_COUNTER_RANDOM_H_
#define ECGTRAIN_WORKER_MODEL_COUNTER_RANDOM_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace ecgtrain {

// The numbers are part of what a seed means: never reuse or change one.
enum class RandomPurpose : uint64_t {
  kInitialWeights = 1,
  kDropout = 2,
  kSampleOrder = 3,
  kMask = 4,
  kValidationMask = 5,
  kLabelFraction = 6,
  kAugment = 7,
};

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection in which every input bit moves every
// output bit.
constexpr uint64_t MixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// One hash of two values; not symmetric.
constexpr uint64_t Mix(uint64_t a, uint64_t b) {
  return MixBits(MixBits(a + 0x9e3779b97f4a7c15) + 0x9e3779b97f4a7c15 * (b + 1));
}

// FNV-1a: stable over builds and hosts, unlike std::hash.
constexpr uint64_t HashText(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// An endless sequence of independent draws, addressed by a counter.
class RandomStream {
 public:
  constexpr RandomStream(uint64_t seed, RandomPurpose purpose, uint64_t first = 0, uint64_t second = 0)
      : key_(Mix(Mix(Mix(seed, static_cast<uint64_t>(purpose)), first), second)) {}

  constexpr uint64_t key() const { return key_; }
  constexpr uint64_t Bits(uint64_t counter) const { return Mix(key_, counter); }
  // [0, 1), 53 bits.
  constexpr double Uniform(uint64_t counter) const {
    return static_cast<double>(Bits(counter) >> 11) * 0x1p-53;
  }
  // [0, bound); the bias is below bound / 2^64.
  constexpr uint64_t Below(uint64_t counter, uint64_t bound) const {
    return static_cast<uint64_t>((static_cast<Wide>(Bits(counter)) * bound) >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  uint64_t key_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_COUNTER_RANDOM_H_
