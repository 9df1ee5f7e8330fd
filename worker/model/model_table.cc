#include "worker/model/model_table.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/nearest_name.h"
#include "common/status_macros.h"
#include "worker/model/classifier.h"
#include "worker/model/u_resnet.h"

namespace ecgtrain {
namespace {

using Factory = std::unique_ptr<Network> (*)(const ModelConfig&, const Weights::Options&);

template <typename T>
std::unique_ptr<Network> Make(const ModelConfig& config, const Weights::Options& options) {
  return std::make_unique<T>(config, options);
}

struct Model {
  const char* name;
  Factory pretraining;
  Factory classifier;
};

constexpr Model kModels[] = {
    {"u_resnet", Make<UResNet>, Make<Classifier>},
};

absl::StatusOr<const Model*> FindModel(const ModelConfig& config) {
  RETURN_IF_ERROR(CheckModelConfig(config));
  std::vector<std::string> known;
  for (const Model& model : kModels) {
    if (config.name == model.name) return &model;
    known.emplace_back(model.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("model.name: no model \"", config.name, "\"", DidYouMean(config.name, known)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Network>> MakePretrainingNetwork(const ModelConfig& config,
                                                                const Weights::Options& options) {
  ASSIGN_OR_RETURN(const Model* model, FindModel(config));
  return model->pretraining(config, options);
}

absl::StatusOr<std::unique_ptr<Network>> MakeClassifier(const ModelConfig& config,
                                                        const Weights::Options& options) {
  ASSIGN_OR_RETURN(const Model* model, FindModel(config));
  if (config.classes < 1) return absl::InvalidArgumentError("a classifier needs at least one class");
  return model->classifier(config, options);
}

}  // namespace ecgtrain
