#include "worker/model/model_config.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace ecgtrain {

ModelChannels ScaledChannels(double width) {
  ModelChannels channels = ModelConfig().channels;
  if (width == 1) return channels;
  for (int64_t& count : channels) {
    count = std::max<int64_t>(8, 8 * std::llround(static_cast<double>(count) * width / 8));
  }
  return channels;
}

absl::Status ApplyPreset(absl::string_view preset, ModelConfig& config) {
  if (preset == "paper") {
    config.channels = ScaledChannels(1);
  } else if (preset == "quarter") {
    config.channels = ScaledChannels(0.25);
  } else if (preset == "tiny") {
    config.channels = ScaledChannels(0.125);
  } else {
    return absl::NotFoundError(
        absl::StrCat("model.preset: \"", preset, "\" is not known; known: paper, quarter, tiny"));
  }
  config.preset = std::string(preset);
  return absl::OkStatus();
}

absl::Status CheckModelConfig(const ModelConfig& config) {
  for (const int64_t count : config.channels) {
    if (count < 1 || count > 2048) {
      return absl::InvalidArgumentError(
          absl::StrCat("model.channels: ", count, " is not between 1 and 2048"));
    }
  }
  if (config.kernel_size < 5 || config.kernel_size > 63 || config.kernel_size % 2 == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.kernel_size: ", config.kernel_size, " is not an odd number between 5 and 63"));
  }
  if (!(config.dropout >= 0 && config.dropout <= 0.95)) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.dropout: ", config.dropout, " is not between 0 and 0.95"));
  }
  if (config.samples < kTotalStride || config.samples % kTotalStride != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("signal.samples: ", config.samples, " is not a multiple of ", kTotalStride));
  }
  return absl::OkStatus();
}

absl::string_view MergeName(Merge merge) { return merge == Merge::kConcat ? "concat" : "add"; }

absl::string_view SkipUpsampleName(SkipUpsample upsample) {
  switch (upsample) {
    case SkipUpsample::kNearest:
      return "nearest";
    case SkipUpsample::kTransposedK4:
      return "transposed_k4";
    case SkipUpsample::kTransposedK1:
      return "transposed_k1";
  }
  return "";
}

absl::string_view ClassifierHeadName(ClassifierHead head) {
  return head == ClassifierHead::kFlattenLinear ? "flatten_linear" : "mean_max_pool";
}

}  // namespace ecgtrain
