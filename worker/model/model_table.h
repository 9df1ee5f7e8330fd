// The plain table from a model's name in a specification to its networks.
#ifndef ECGTRAIN_WORKER_MODEL_MODEL_TABLE_H_
#define ECGTRAIN_WORKER_MODEL_MODEL_TABLE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/model/model_config.h"
#include "worker/model/network.h"

namespace ecgtrain {

// INVALID_ARGUMENT as CheckModelConfig, or naming the unknown model and the known ones.
absl::StatusOr<std::unique_ptr<Network>> MakePretrainingNetwork(const ModelConfig& config,
                                                                const Weights::Options& options);
// The same; config.classes must be at least 1.
absl::StatusOr<std::unique_ptr<Network>> MakeClassifier(const ModelConfig& config,
                                                        const Weights::Options& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_MODEL_TABLE_H_
