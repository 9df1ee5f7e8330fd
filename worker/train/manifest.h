// What a checkpoint's manifest says about the model and the run that made it.
#ifndef ECGTRAIN_WORKER_TRAIN_MANIFEST_H_
#define ECGTRAIN_WORKER_TRAIN_MANIFEST_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/pack.h"
#include "worker/train/spec.h"

namespace ecgtrain {

// The part of a manifest that stays the same during a run: all but step, epoch, metrics and files. `classes`
// is empty for a pretraining.
nlohmann::json RunManifest(const TrainerSpec& spec, const std::vector<std::string>& classes,
                           const PackInfo& data, const nlohmann::json& fingerprint);

// The network of a checkpoint. DATA_LOSS naming the member that is missing or not possible.
absl::StatusOr<ModelConfig> ModelOfManifest(const nlohmann::json& manifest);

// How a signal differs from the one a checkpoint was trained on, its length apart: "rate 400 there, 100
// here";
// "" where nothing does.
std::string SignalDifferences(const nlohmann::json& manifest, const SignalSettings& signal);

// Class names of a classifier's checkpoint; empty for a pretraining. DATA_LOSS as above.
absl::StatusOr<std::vector<std::string>> ClassesOfManifest(const nlohmann::json& manifest);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_MANIFEST_H_
