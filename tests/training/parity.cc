#include "tests/training/parity.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/status_macros.h"
#include "worker/model/model_table.h"
#include "worker/train/objective.h"
#include "worker/train/optimizer.h"
#include "worker/train/tensor_file.h"

namespace ecgtrain {
namespace {

using State = std::vector<NamedTensor>;

at::Tensor Find(const State& state, const std::string& name) {
  for (const NamedTensor& entry : state) {
    if (entry.name == name) return entry.tensor;
  }
  return {};
}

ModelConfig ConfigOf(const State& initial, const Batch& batch) {
  ModelConfig config;
  config.samples = batch.target.size(3);
  config.channels[0] = Find(initial, "stem.conv.weight").size(0);
  for (int i = 0; i < kBlocks; ++i) {
    config.channels[i + 1] = Find(initial, absl::StrCat("encoder.", i, ".conv1.weight")).size(0);
  }
  config.classes = batch.labels.size(1);
  return config;
}

absl::StatusOr<Batch> LoadBatch(const std::filesystem::path& folder, at::MemoryFormat layout, bool masked) {
  ASSIGN_OR_RETURN(const State tensors, ReadTensorFile(folder / "batch.safetensors"));
  Batch batch;
  batch.target = Find(tensors, "x").unsqueeze(2).contiguous(layout);
  batch.mask = Find(tensors, "mask").unsqueeze(2);
  batch.x = masked ? batch.target * (1 - batch.mask) : batch.target;
  batch.labels = Find(tensors, "labels");
  return batch;
}

double Deviation(double value, double expected) { return std::abs(value - expected) / std::abs(expected); }

void CompareGradients(const Weights& weights, const nlohmann::json& expected, ParityResult& result) {
  for (const Parameter& parameter : weights.parameters()) {
    const double norm = parameter.working.grad().to(at::kDouble).norm().item<double>();
    const double deviation = Deviation(norm, expected.at(parameter.name).get<double>());
    if (deviation <= result.gradient_norm) continue;
    result.gradient_norm = deviation;
    result.worst_gradient = parameter.name;
  }
}

}  // namespace

absl::StatusOr<ParityResult> ComparePeer(const std::filesystem::path& folder, absl::string_view task,
                                         at::MemoryFormat layout) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(folder / "parity.json"));
  ASSIGN_OR_RETURN(const nlohmann::json peer, ParseJson(text, "parity.json"));
  const bool pretrain = task == "pretrain";
  ASSIGN_OR_RETURN(const Batch batch, LoadBatch(folder, layout, pretrain));
  ASSIGN_OR_RETURN(const State initial, ReadTensorFile(folder / absl::StrCat(task, ".init.safetensors")));
  const ModelConfig config = ConfigOf(initial, batch);
  ASSIGN_OR_RETURN(const std::unique_ptr<Network> network,
                   pretrain ? MakePretrainingNetwork(config, {.layout = layout})
                            : MakeClassifier(config, {.layout = layout}));
  RETURN_IF_ERROR(network->weights().Load(initial));
  Optimizer optimizer(network->weights(), {.clip_norm = 0});

  const nlohmann::json& expected = peer.at(std::string(task));
  const ForwardMode mode{.training = true};
  ParityResult result;
  for (size_t step = 0; step < expected.at("losses").size(); ++step) {
    optimizer.ClearGradients();
    at::Tensor loss;
    if (pretrain) {
      const LossTerms terms = ReconstructionLoss(*network, batch, LossRegion::kMasked, mode);
      loss = terms.sum.div(terms.count);
    } else {
      loss = ClassificationLoss(*network, batch, mode);
    }
    loss.backward();
    const double deviation = Deviation(loss.item<double>(), expected.at("losses").at(step).get<double>());
    if (step == 0) result.first_loss = deviation;
    if (step == 0) CompareGradients(network->weights(), expected.at("grad_norms_step0"), result);
    result.later_loss = std::max(result.later_loss, deviation);
    optimizer.Step(peer.at("lr").get<double>(), loss.detach());
  }
  return result;
}

}  // namespace ecgtrain
