#include "worker/model/encoder.h"

#include "absl/strings/str_cat.h"

namespace ecgtrain {

Encoder::Encoder(Weights& weights, const ModelConfig& config)
    : stem_conv_(weights, "stem.conv", {kModelLeads, config.channels[0], config.kernel_size}),
      stem_norm_(weights, "stem.bn", config.channels[0]) {
  for (int i = 0; i < kBlocks; ++i) {
    blocks_.emplace_back(
        weights, absl::StrCat("encoder.", i),
        DownBlock::Shape{config.channels[i], config.channels[i + 1], config.kernel_size, kBlockStride});
  }
}

Encoder::Output Encoder::operator()(const at::Tensor& x, const ForwardMode& mode) const {
  Output output;
  output.stem = stem_norm_(stem_conv_(x), mode.training);
  Streams streams{output.stem, output.stem};
  for (int i = 0; i < kBlocks; ++i) streams = output.blocks[i] = blocks_[i](streams, mode);
  return output;
}

absl::Span<const absl::string_view> Encoder::Prefixes() {
  static constexpr absl::string_view kPrefixes[] = {"stem.", "encoder."};
  return kPrefixes;
}

}  // namespace ecgtrain
