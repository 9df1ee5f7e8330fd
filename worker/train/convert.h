// Loops that turn samples into the numbers a network computes with.
#ifndef ECGTRAIN_WORKER_TRAIN_CONVERT_H_
#define ECGTRAIN_WORKER_TRAIN_CONVERT_H_

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "absl/types/span.h"

namespace ecgtrain {

// Writes units.size() values of `scale` millivolts a unit.
void ToMillivolts(absl::Span<const int16_t> units, float scale, float* millivolts);

// Rounds to the nearest, ties to even. Not-a-number stays that.
void ToBfloat16(absl::Span<const float> values, c10::BFloat16* rounded);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_CONVERT_H_
