#include "worker/train/step_meter.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace ecgtrain {
namespace {

constexpr char kName[] = "loop.sums";
enum Index { kSteps, kLoss, kNorm, kSkipped, kRun, kLongestRun, kCount };

}  // namespace

StepMeter::StepMeter(at::Device device)
    : sums_(at::zeros({kCount}, at::TensorOptions(at::kDouble).device(device))) {}

void StepMeter::Add(const at::Tensor& loss, const at::Tensor& gradient_norm, const at::Tensor& skipped) {
  const at::Tensor values =
      at::stack({at::ones_like(skipped), loss, gradient_norm, skipped, skipped}).to(at::kDouble);
  // A run goes on, or starts anew at 0.
  sums_.select(0, kRun).mul_(skipped);
  sums_.slice(0, 0, kLongestRun).add_(values);
  sums_.select(0, kLongestRun).copy_(at::maximum(sums_.select(0, kLongestRun), sums_.select(0, kRun)));
}

StepMeter::Reading StepMeter::Read() const {
  const at::Tensor host = sums_.cpu();
  const double* sums = host.const_data_ptr<double>();
  const double steps = std::max(sums[kSteps], 1.0);
  return {static_cast<uint64_t>(sums[kSteps]), sums[kLoss] / steps, sums[kNorm] / steps,
          static_cast<uint64_t>(sums[kSkipped]), static_cast<uint64_t>(sums[kLongestRun])};
}

void StepMeter::Clear() {
  sums_.slice(0, 0, kRun).zero_();
  sums_.select(0, kLongestRun).copy_(sums_.select(0, kRun));
}

std::vector<NamedTensor> StepMeter::State() const {
  return {{kName, at::empty({kCount}, at::kDouble).copy_(sums_)}};
}

absl::Status StepMeter::Load(absl::Span<const NamedTensor> state) {
  for (const NamedTensor& entry : state) {
    if (entry.name != kName || entry.tensor.sizes() != sums_.sizes()) continue;
    sums_.copy_(entry.tensor);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("tensor loop.sums is missing or has another shape");
}

}  // namespace ecgtrain
