#include "worker/train/objective.h"

#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/full.h>

namespace ecgtrain {
namespace {

// Sum of `error` [records, 12, 1, samples] over the region, and how many values that are.
LossTerms OverRegion(const at::Tensor& error, const Batch& batch, LossRegion region) {
  if (region == LossRegion::kAll) return {error.sum(), at::full({}, error.numel(), error.options())};
  const at::Tensor& weight = region == LossRegion::kMasked ? batch.mask : batch.signal;
  const auto leads_per_weight = static_cast<double>(error.size(1) / weight.size(1));
  return {error.mul(weight).sum(), weight.sum().mul(leads_per_weight).clamp_min(1)};
}

}  // namespace

LossTerms ReconstructionLoss(const Network& network, const Batch& batch, LossRegion region,
                             const ForwardMode& mode) {
  const at::Tensor output = network.Forward(batch.x, mode).to(at::kFloat);
  return OverRegion(output.sub(batch.target).square(), batch, region);
}

LossTerms ZeroReconstructionLoss(const Batch& batch, LossRegion region) {
  return OverRegion(batch.target.square(), batch, region);
}

at::Tensor Logits(const Network& network, const at::Tensor& x, const ForwardMode& mode) {
  return network.Forward(x, mode).to(at::kFloat);
}

at::Tensor ClassificationLoss(const Network& network, const Batch& batch, const ForwardMode& mode) {
  return at::binary_cross_entropy_with_logits(Logits(network, batch.x, mode), batch.labels);
}

}  // namespace ecgtrain
