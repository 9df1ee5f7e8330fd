// Which cells of an ECG a pretraining hides (paper.md, sections 0 and 1.1). No LibTorch here.
#ifndef ECGTRAIN_WORKER_TRAIN_MASK_H_
#define ECGTRAIN_WORKER_TRAIN_MASK_H_

#include <cstdint>
#include <vector>

#include "worker/model/counter_random.h"
#include "worker/train/spec.h"
#include "worker/train/window.h"

namespace ecgtrain {

// 1 for each hidden cell of an input of `samples` whose signal is at `signal`. Cells lie on a fixed grid from
// sample 0.
std::vector<uint8_t> DrawMask(const MaskSettings& settings, uint32_t samples, SampleRange signal,
                              const RandomStream& stream);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_MASK_H_
