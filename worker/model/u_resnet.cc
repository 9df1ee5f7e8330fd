#include "worker/model/u_resnet.h"

#include <ATen/ops/cat.h>

#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

int64_t JoinedWidth(const ModelConfig& config, int64_t channels) {
  return config.merge == Merge::kConcat ? 2 * channels : channels;
}

std::vector<UpBlock> MakeDecoder(Weights& weights, const ModelConfig& config) {
  std::vector<UpBlock> blocks;
  for (int i = 0; i < kBlocks; ++i) {
    const int64_t in = JoinedWidth(config, config.channels[kBlocks - i]);
    const int64_t out = config.channels[kBlocks - i - 1];
    blocks.emplace_back(weights, absl::StrCat("decoder.", i),
                        UpBlock::Shape{in, out, config.kernel_size, config.skip_upsample});
  }
  return blocks;
}

}  // namespace

UResNet::UResNet(const ModelConfig& config, const Weights::Options& options)
    : Network(options),
      merge_(config.merge),
      encoder_(weights_, config),
      bottleneck_(weights_, "bottleneck",
                  {config.channels[kBlocks], config.channels[kBlocks], config.kernel_size, 1}),
      decoder_(MakeDecoder(weights_, config)),
      head_conv1_(weights_, "head.conv1",
                  {JoinedWidth(config, config.channels[0]), config.channels[0], config.kernel_size}),
      head_conv2_(weights_, "head.conv2", {config.channels[0], kModelLeads, config.kernel_size}) {}

at::Tensor UResNet::Join(const at::Tensor& a, const at::Tensor& b) const {
  return merge_ == Merge::kConcat ? at::cat({a, b}, 1) : a.add(b);
}

at::Tensor UResNet::Forward(const at::Tensor& x, const ForwardMode& mode) const {
  const Encoder::Output encoded = encoder_(x, encoder_frozen_ ? ForwardMode{} : mode);
  Streams streams = bottleneck_(encoded.blocks[kBlocks - 1], mode);
  for (int i = 0; i < kBlocks; ++i) {
    const Streams& skip = encoded.blocks[kBlocks - 1 - i];
    streams = decoder_[i]({Join(streams.x, skip.x), Join(streams.y, skip.y)}, mode);
  }
  return head_conv2_(head_conv1_(Join(streams.x, encoded.stem)));
}

void UResNet::FreezeEncoder() {
  encoder_frozen_ = true;
  weights_.Freeze(Encoder::Prefixes());
}

}  // namespace ecgtrain
