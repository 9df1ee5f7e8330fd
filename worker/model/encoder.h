// Stem and the four encoder blocks: what pretraining and classifier share (paper.md, section 0).
#ifndef ECGTRAIN_WORKER_MODEL_ENCODER_H_
#define ECGTRAIN_WORKER_MODEL_ENCODER_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/model/layers.h"
#include "worker/model/model_config.h"
#include "worker/model/weights.h"

namespace ecgtrain {

// Bound to one thread.
class Encoder {
 public:
  struct Output {
    at::Tensor stem;                      // [batch, channels[0], 1, samples]
    std::array<Streams, kBlocks> blocks;  // each a quarter of the length before it
  };

  Encoder(Weights& weights, const ModelConfig& config);
  Output operator()(const at::Tensor& x, const ForwardMode& mode) const;

  // Name prefixes of its tensors.
  static absl::Span<const absl::string_view> Prefixes();

 private:
  Convolution stem_conv_;
  BatchNorm stem_norm_;
  std::vector<DownBlock> blocks_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_ENCODER_H_
