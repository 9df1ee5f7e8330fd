// Gaussian white noise as a function of a random stream. No LibTorch here.
#ifndef ECGTRAIN_WORKER_TRAIN_WHITE_NOISE_H_
#define ECGTRAIN_WORKER_TRAIN_WHITE_NOISE_H_

#include <cstddef>
#include <cstdint>

#include "worker/model/counter_random.h"

namespace ecgtrain {

constexpr size_t kNoiseBlock = 768;

// Writes block number `block` of an endless row of independent draws with mean 0 and standard deviation 1,
// none beyond 5.8. The same on every host and with every library: it calls none.
void DrawNoise(const RandomStream& stream, uint64_t block, float (&noise)[kNoiseBlock]);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_WHITE_NOISE_H_
