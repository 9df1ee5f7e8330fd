// From records of a pack to the tensors of a step: padded or cut to the input's length, scaled to millivolts,
// augmented, masked and rounded to the network's working type, record by record.
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
#include "worker/train/device.h"
#include "worker/train/objective.h"
#include "worker/train/spec.h"
#include "worker/train/window.h"

namespace ecgtrain {

// Which cells are hidden: a function of seed, purpose, epoch and record.
struct Masking {
  MaskSettings settings;
  uint64_t seed = 0;
  RandomPurpose purpose = RandomPurpose::kMask;
  uint64_t epoch = 0;
};

// Immutable: thread-safe. The pack outlives it.
class BatchMaker {
 public:
  BatchMaker(const Pack& pack, const SignalSettings& signal, const ComputeDevice& device);

  // One of each record: where the alignment has it, or at the place drawn for the augmentation's crop.
  std::vector<Window> Windows(absl::Span<const size_t> records, const Augmentation& augmentation = {}) const;
  // Evenly spread windows that cover the whole record; one, aligned, for a record that fits.
  std::vector<Window> Cover(size_t record) const;

  // Batch::x, nothing hidden. The padding stays zeros whatever the augmentation, here and below.
  Batch Signals(absl::Span<const Window> windows, const Augmentation& augmentation = {}) const;
  // Batch::x, target, mask and signal.
  Batch MaskedSignals(absl::Span<const Window> windows, const Augmentation& augmentation,
                      const Masking& masking) const;
  // Batch::labels for the same windows.
  at::Tensor Labels(absl::Span<const Window> windows, size_t task) const;

 private:
  Window AlignedWindow(size_t record) const;
  SampleRange SignalOf(const Window& window) const;
  // A tensor on the host, not filled.
  at::Tensor Empty(at::IntArrayRef sizes, at::ScalarType type) const;
  at::Tensor ToDevice(const at::Tensor& tensor) const;
  // [records, 12, 1, samples] of what is frame after frame, as in the pack: channels-last order.
  at::Tensor AsInput(const at::Tensor& frames) const;
  // One whole input, millivolts.
  void WriteSignal(const Window& window, const Augmentation& augmentation, float* input) const;
  // The row of Batch::mask.
  void WriteMask(const Window& window, const Masking& masking, float* mask) const;

  const Pack& pack_;
  uint32_t samples_;
  Align align_;
  at::Device device_;
  at::ScalarType working_type_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_BATCH_H_
