// From records of a pack to the tensors of a step: padded or cut to the input's length, scaled to millivolts,
// augmented, masked.
#ifndef ECGTRAIN_WORKER_TRAIN_BATCH_H_
#define ECGTRAIN_WORKER_TRAIN_BATCH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "worker/data/pack.h"
#include "worker/model/counter_random.h"
#include "worker/train/augment.h"
#include "worker/train/objective.h"
#include "worker/train/spec.h"
#include "worker/train/window.h"

namespace ecgtrain {

// Thread-compatible; the pack outlives it.
class BatchMaker {
 public:
  BatchMaker(const Pack& pack, const SignalSettings& signal, at::Device device);

  // One of each record: where the alignment has it, or at the place drawn for the augmentation's crop.
  std::vector<Window> Windows(absl::Span<const size_t> records, const Augmentation& augmentation = {}) const;
  // Evenly spread windows that cover the whole record; one, aligned, for a record that fits.
  std::vector<Window> Cover(size_t record) const;

  // Batch::x and Batch::signal. The padding stays zeros whatever the augmentation.
  Batch Signals(absl::Span<const Window> windows, const Augmentation& augmentation = {}) const;
  // Batch::mask for the same windows: a function of seed, purpose, epoch and record.
  at::Tensor Mask(absl::Span<const Window> windows, const MaskSettings& settings, uint64_t seed,
                  RandomPurpose purpose, uint64_t epoch) const;
  // Batch::labels for the same windows.
  at::Tensor Labels(absl::Span<const Window> windows, size_t task) const;

 private:
  Window AlignedWindow(size_t record) const;
  // The samples of a window to their place in `input`, and ones to `present`, both zeros before.
  void WriteSignal(const Window& window, const Augmentation& augmentation, float* input,
                   float* present) const;

  const Pack& pack_;
  uint32_t samples_;
  Align align_;
  at::Device device_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_BATCH_H_
