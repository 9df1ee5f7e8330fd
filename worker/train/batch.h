// From records of a pack to the tensors of a step: scaled to millivolts, padded or cut to the input's length,
// masked.
#ifndef ECGTRAIN_WORKER_TRAIN_BATCH_H_
#define ECGTRAIN_WORKER_TRAIN_BATCH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "worker/data/pack.h"
#include "worker/model/counter_random.h"
#include "worker/train/objective.h"
#include "worker/train/spec.h"

namespace ecgtrain {

// A stretch of a record as one input of the network.
struct Window {
  size_t record = 0;   // index into the pack
  uint32_t begin = 0;  // first sample taken; what is missing at the end is padding on both sides
};

// Thread-compatible; the pack outlives it.
class BatchMaker {
 public:
  BatchMaker(const Pack& pack, uint32_t samples, at::Device device);

  // The middle of the record.
  Window Centre(size_t record) const;
  // Evenly spread windows that cover the whole record; one for a record that fits.
  std::vector<Window> Cover(size_t record) const;

  // Batch::x and Batch::signal.
  Batch Signals(absl::Span<const Window> windows) const;
  // Batch::mask for the same windows: a function of seed, purpose, epoch and record.
  at::Tensor Mask(absl::Span<const Window> windows, const MaskSettings& settings, uint64_t seed,
                  RandomPurpose purpose, uint64_t epoch) const;
  // Batch::labels for the same windows.
  at::Tensor Labels(absl::Span<const Window> windows, size_t task) const;

 private:
  const Pack& pack_;
  uint32_t samples_;
  at::Device device_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_BATCH_H_
