#include "worker/train/optimizer.h"

#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr char kStepName[] = "optimizer.step";
constexpr char kMeanSuffix[] = ".exp_avg";
constexpr char kSquareSuffix[] = ".exp_avg_sq";

bool HasOwnMaster(const Parameter& parameter) { return !parameter.working.is_same(parameter.master); }

absl::Status CopyFrom(absl::Span<const NamedTensor> state, const std::string& name, const at::Tensor& to) {
  const auto found = std::find_if(state.begin(), state.end(),
                                  [&name](const NamedTensor& entry) { return entry.name == name; });
  if (found == state.end()) return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " is missing"));
  if (found->tensor.sizes() != to.sizes()) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " has another shape than its parameter"));
  }
  to.copy_(found->tensor);
  return absl::OkStatus();
}

at::Tensor CanonicalCopy(const at::Tensor& tensor) {
  const at::Tensor view = CanonicalView(tensor);
  return at::empty(view.sizes(), at::kFloat).copy_(view);
}

}  // namespace

Optimizer::Optimizer(Weights& weights, const OptimizerConfig& config) : weights_(weights), config_(config) {
  for (const Parameter& parameter : weights.parameters()) {
    masters_.push_back(parameter.master.detach());
    means_.push_back(at::zeros_like(masters_.back()));
    squares_.push_back(at::zeros_like(masters_.back()));
    gradients_.push_back(HasOwnMaster(parameter) ? at::zeros_like(masters_.back()) : at::Tensor());
  }
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(weights.options().device);
  step_ = at::zeros({}, options);
  skipped_ = at::zeros({}, options);
}

void Optimizer::ClearGradients() {
  for (const Parameter& parameter : weights_.parameters()) parameter.working.mutable_grad().reset();
}

void Optimizer::CollectGradients() {
  std::vector<at::Tensor> from;
  std::vector<at::Tensor> to;
  for (size_t i = 0; i < gradients_.size(); ++i) {
    const Parameter& parameter = weights_.parameters()[i];
    if (!HasOwnMaster(parameter)) {
      gradients_[i] = parameter.working.grad();
      // The update walks raw memory: a gradient in another order than its parameter would be applied to wrong
      // places.
      if (gradients_[i].strides() != masters_[i].strides()) {
        gradients_[i] = at::zeros_like(masters_[i]).copy_(gradients_[i]);
      }
      continue;
    }
    from.push_back(parameter.working.grad());
    to.push_back(gradients_[i]);
  }
  if (!to.empty()) at::_foreach_copy_(to, from);
}

at::Tensor Optimizer::Step(double learning_rate, const at::Tensor& loss) {
  CollectGradients();
  const at::Tensor norm = at::stack(at::_foreach_norm(gradients_, 2)).norm();
  skipped_ = at::isfinite(norm).logical_and(at::isfinite(loss)).logical_not().to(at::kFloat);
  step_.add_(skipped_.sub(1).neg());
  // The fused update divides gradients by this as it reads them: clipping costs no pass of its own.
  std::optional<at::Tensor> divisor;
  if (config_.clip_norm > 0) divisor = norm.add(1e-6).div(config_.clip_norm).clamp_min(1);
  const std::vector<at::Tensor> steps(masters_.size(), step_);
  if (config_.decoupled_weight_decay) {
    at::_fused_adamw_(masters_, gradients_, means_, squares_, {}, steps, learning_rate, kBeta1, kBeta2,
                      config_.weight_decay, kEpsilon, /*amsgrad=*/false, /*maximize=*/false, divisor,
                      skipped_);
  } else {
    at::_fused_adam_(masters_, gradients_, means_, squares_, {}, steps, learning_rate, kBeta1, kBeta2,
                     config_.weight_decay, kEpsilon, /*amsgrad=*/false, /*maximize=*/false, divisor,
                     skipped_);
  }
  weights_.RefreshWorking();
  return norm;
}

std::vector<NamedTensor> Optimizer::State() const {
  std::vector<NamedTensor> state = {{kStepName, CanonicalCopy(step_)}};
  for (size_t i = 0; i < masters_.size(); ++i) {
    const std::string& name = weights_.parameters()[i].name;
    state.push_back({absl::StrCat(name, kMeanSuffix), CanonicalCopy(means_[i])});
    state.push_back({absl::StrCat(name, kSquareSuffix), CanonicalCopy(squares_[i])});
  }
  return state;
}

absl::Status Optimizer::Load(absl::Span<const NamedTensor> state) {
  absl::Status status = CopyFrom(state, kStepName, step_);
  for (size_t i = 0; i < masters_.size() && status.ok(); ++i) {
    const std::string& name = weights_.parameters()[i].name;
    status = CopyFrom(state, absl::StrCat(name, kMeanSuffix), CanonicalView(means_[i]));
    if (status.ok()) status = CopyFrom(state, absl::StrCat(name, kSquareSuffix), CanonicalView(squares_[i]));
  }
  return status;
}

}  // namespace ecgtrain
