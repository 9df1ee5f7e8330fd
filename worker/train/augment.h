// What training does to a record each time it sees it (AugmentSpec of proto/ecgtrain/v1/spec.proto). Every
// draw is a function of seed, epoch and record, and each effect has draws of its own: switching one on
// changes no other. No LibTorch here.
#ifndef ECGTRAIN_WORKER_TRAIN_AUGMENT_H_
#define ECGTRAIN_WORKER_TRAIN_AUGMENT_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "worker/data/pack.h"
#include "worker/train/spec.h"

namespace ecgtrain {

// Of one epoch of one training. As it is made it changes nothing: records as validation and test see them.
struct Augmentation {
  AugmentSettings settings;
  uint64_t seed = 0;
  uint64_t epoch = 0;

  // Whether a record's values change; a crop only moves them.
  bool ChangesValues() const;
};

// The place of `record` in its `slack` (window.h): each from 0 to `slack` alike.
uint32_t DrawPlace(const Augmentation& augmentation, size_t record, uint32_t slack);

// Writes `stretch` [samples, leads] of `record`, in the pack's units, to `millivolts` of the same shape:
// times its gain, then noise and wander added, then some leads zeros.
void WriteAugmented(const Augmentation& augmentation, size_t record, const PackInfo& info,
                    absl::Span<const int16_t> stretch, float* millivolts);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_AUGMENT_H_
