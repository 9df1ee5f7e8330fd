#include "worker/train/convert.h"

#include "worker/data/simd.h"

namespace ecgtrain {

ECGTRAIN_DATA_SIMD
void ToMillivolts(absl::Span<const int16_t> units, float scale, float* millivolts) {
  const int16_t* from = units.data();
  const size_t count = units.size();
  for (size_t k = 0; k < count; ++k) millivolts[k] = static_cast<float>(from[k]) * scale;
}

ECGTRAIN_DATA_SIMD
void ToBfloat16(absl::Span<const float> values, c10::BFloat16* rounded) {
  const float* from = values.data();
  const size_t count = values.size();
  for (size_t k = 0; k < count; ++k) rounded[k] = c10::BFloat16(from[k]);
}

}  // namespace ecgtrain
