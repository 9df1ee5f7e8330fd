#include "worker/model/weights.h"

#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/model/counter_random.h"

namespace ecgtrain {
namespace {

bool StartsWithAny(absl::string_view name, absl::Span<const absl::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [name](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
}

at::Tensor UniformTensor(absl::Span<const int64_t> shape, double bound, const RandomStream& stream) {
  at::Tensor tensor = at::empty({shape.data(), shape.size()}, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<float>((2 * stream.Uniform(i) - 1) * bound);
  }
  return tensor;
}

}  // namespace

at::Tensor CanonicalView(const at::Tensor& tensor) { return tensor.dim() == 4 ? tensor.squeeze(2) : tensor; }

at::Tensor Weights::AddWeight(absl::string_view name, absl::Span<const int64_t> shape, int64_t fan_in) {
  const RandomStream stream(options_.seed, RandomPurpose::kInitialWeights, HashText(name));
  at::Tensor value = UniformTensor(shape, 1 / std::sqrt(static_cast<double>(fan_in)), stream);
  if (shape.size() == 3) value = value.unsqueeze(2).contiguous(options_.layout);
  Parameter parameter{std::string(name), value.to(options_.device), {}};
  parameter.working = options_.bfloat16 ? parameter.master.to(at::kBFloat16) : parameter.master;
  parameter.working.set_requires_grad(true);
  parameters_.push_back(parameter);
  return parameter.working;
}

at::Tensor Weights::AddNormParameter(absl::string_view name, int64_t channels, double value) {
  const at::Tensor tensor =
      at::full({channels}, value, at::TensorOptions(at::kFloat).device(options_.device));
  tensor.set_requires_grad(true);
  parameters_.push_back({std::string(name), tensor, tensor});
  return tensor;
}

at::Tensor Weights::AddBuffer(absl::string_view name, int64_t channels, double value) {
  const at::Tensor tensor =
      at::full({channels}, value, at::TensorOptions(at::kFloat).device(options_.device));
  buffers_.push_back({std::string(name), tensor});
  return tensor;
}

int64_t Weights::ParameterCount() const {
  int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.master.numel();
  return count;
}

std::vector<NamedTensor> Weights::Everything() const {
  std::vector<NamedTensor> all;
  for (const Parameter& parameter : parameters_) all.push_back({parameter.name, parameter.master.detach()});
  for (const Parameter& parameter : frozen_) all.push_back({parameter.name, parameter.master.detach()});
  all.insert(all.end(), buffers_.begin(), buffers_.end());
  return all;
}

std::vector<NamedTensor> Weights::Canonical() const {
  std::vector<NamedTensor> state = Everything();
  for (NamedTensor& entry : state) {
    const at::Tensor view = CanonicalView(entry.tensor);
    entry.tensor = at::empty(view.sizes(), at::kFloat);
    entry.tensor.copy_(view);
  }
  return state;
}

absl::Status Weights::Load(absl::Span<const NamedTensor> state,
                           absl::Span<const absl::string_view> prefixes) {
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;  // from, to
  for (const NamedTensor& own : Everything()) {
    if (!prefixes.empty() && !StartsWithAny(own.name, prefixes)) continue;
    const auto given = std::find_if(state.begin(), state.end(),
                                    [&own](const NamedTensor& entry) { return entry.name == own.name; });
    if (given == state.end())
      return absl::InvalidArgumentError(absl::StrCat("tensor ", own.name, " is missing"));
    const at::Tensor view = CanonicalView(own.tensor);
    if (given->tensor.sizes() != view.sizes()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", own.name, " has shape [", absl::StrJoin(given->tensor.sizes(), ", "),
                       "], the model needs [", absl::StrJoin(view.sizes(), ", "), "]"));
    }
    copies.emplace_back(given->tensor, view);
  }
  for (auto& [from, to] : copies) to.copy_(from);
  RefreshWorking();
  return absl::OkStatus();
}

void Weights::RefreshWorking() {
  if (!options_.bfloat16) return;
  std::vector<at::Tensor> from;
  std::vector<at::Tensor> to;
  for (const std::vector<Parameter>* group : {&parameters_, &frozen_}) {
    for (const Parameter& parameter : *group) {
      if (parameter.working.is_same(parameter.master)) continue;
      from.push_back(parameter.master);
      to.push_back(parameter.working.detach());
    }
  }
  if (!to.empty()) at::_foreach_copy_(to, from);
}

void Weights::Freeze(absl::Span<const absl::string_view> prefixes) {
  const auto first_frozen = std::stable_partition(
      parameters_.begin(), parameters_.end(),
      [prefixes](const Parameter& parameter) { return !StartsWithAny(parameter.name, prefixes); });
  for (auto it = first_frozen; it != parameters_.end(); ++it) {
    it->working.set_requires_grad(false);
    frozen_.push_back(*it);
  }
  parameters_.erase(first_frozen, parameters_.end());
}

}  // namespace ecgtrain
