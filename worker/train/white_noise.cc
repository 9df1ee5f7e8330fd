#include "worker/train/white_noise.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "worker/data/simd.h"

namespace ecgtrain {
namespace {

constexpr size_t kPairs = kNoiseBlock / 2;

// The natural logarithm for 0 < x <= 1, to 1.3e-7 of its value: x is split into a power of 2 and a factor 1 +
// f between sqrt(1/2) and sqrt(2), whose logarithm is a polynomial (Cephes, logf).
float Log(float x) {
  const auto bits = std::bit_cast<int32_t>(x);
  const int32_t exponent = (bits - 0x3f3504f3) >> 23;
  const float f = std::bit_cast<float>(bits - (exponent << 23)) - 1;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  return static_cast<float>(exponent) * 0.69314718f + (f - 0.5f * f * f + f * f * f * p);
}

// The sine between -pi/2 and pi/2, to 2e-7 (DirectXMath, XMScalarSin).
float Sine(float x) {
  const float y = x * x;
  float p = -2.3889859e-08f;
  p = p * y + 2.7525562e-06f;
  p = p * y - 0.00019840874f;
  p = p * y + 0.0083333310f;
  p = p * y - 0.16666667f;
  return (p * y + 1) * x;
}

}  // namespace

// Box and Muller's two draws from two even ones: a radius, and a place on the circle. Its right half gives
// the sine, one more bit the side.
ECGTRAIN_DATA_SIMD void DrawNoise(const RandomStream& stream, uint64_t block, float (&noise)[kNoiseBlock]) {
  uint32_t radii[kPairs];
  int32_t angles[kPairs];
  for (size_t i = 0; i < kPairs; ++i) {
    const uint64_t bits = stream.Bits(block * kPairs + i);
    radii[i] = static_cast<uint32_t>(bits >> 32);
    angles[i] = static_cast<int32_t>(bits);
  }
  for (size_t i = 0; i < kPairs; ++i) {
    const float even = static_cast<float>(static_cast<int32_t>(radii[i] >> 8) + 1) * 0x1p-24f;  // (0, 1]
    const float radius = std::sqrt(-2 * Log(even));
    const float sine = Sine(static_cast<float>(angles[i]) * (1.57079632f * 0x1p-31f));
    const float cosine = std::sqrt(std::max(0.0f, 1 - sine * sine));
    const uint32_t side = radii[i] << 31;
    noise[i] = radius * sine;
    noise[kPairs + i] = radius * std::bit_cast<float>(std::bit_cast<uint32_t>(cosine) | side);
  }
}

}  // namespace ecgtrain
