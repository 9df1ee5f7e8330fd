// Where a record stands in one input of the network, whose length is seldom its own. No LibTorch here.
#ifndef ECGTRAIN_WORKER_TRAIN_WINDOW_H_
#define ECGTRAIN_WORKER_TRAIN_WINDOW_H_

#include <cstddef>
#include <cstdint>

#include "worker/train/spec.h"

namespace ecgtrain {

// A half-open range.
struct SampleRange {
  uint32_t begin = 0;
  uint32_t end = 0;
};

// A stretch of a record as one input. Either `begin` or `padding` is 0.
struct Window {
  size_t record = 0;     // index into the pack
  uint32_t begin = 0;    // first sample taken
  uint32_t padding = 0;  // zeros before it; what is then missing at the end is padding, too
};

// How far a record of `length` samples can be moved in an input of `samples`.
uint32_t Slack(uint32_t length, uint32_t samples);

// Which of the places from 0 to `slack` an alignment means.
uint32_t AlignedPlace(Align align, uint32_t slack);

// A longer record is cut from sample `place` on, a shorter one has `place` zeros before it.
Window WindowAt(uint32_t place, size_t record, uint32_t length, uint32_t samples);

// Where the signal of a window of a record of `length` samples lies in an input of `samples`.
SampleRange SignalRange(const Window& window, uint32_t length, uint32_t samples);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_WINDOW_H_
