#include "worker/model/classifier.h"

#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

namespace ecgtrain {
namespace {

int64_t FeatureCount(const ModelConfig& config) {
  const int64_t channels = config.channels[kBlocks];
  return config.head == ClassifierHead::kFlattenLinear ? channels * (config.samples / kTotalStride)
                                                       : 2 * channels;
}

}  // namespace

Classifier::Classifier(const ModelConfig& config, const Weights::Options& options)
    : Network(options), head_(config.head), encoder_(weights_, config) {
  const int64_t features = FeatureCount(config);
  weight_ = weights_.AddWeight("classifier.weight", {config.classes, features}, features);
  bias_ = weights_.AddWeight("classifier.bias", {config.classes}, features);
}

at::Tensor Classifier::Forward(const at::Tensor& x, const ForwardMode& mode) const {
  const at::Tensor last = encoder_(x, encoder_frozen_ ? ForwardMode{} : mode).blocks[kBlocks - 1].x;
  if (head_ == ClassifierHead::kFlattenLinear) return at::linear(last.flatten(1), weight_, bias_);
  const at::Tensor features = at::cat({last.mean({2, 3}), at::amax(last, {2, 3})}, 1);
  return at::linear(features, weight_, bias_);
}

void Classifier::FreezeEncoder() {
  encoder_frozen_ = true;
  weights_.Freeze(Encoder::Prefixes());
}

}  // namespace ecgtrain
