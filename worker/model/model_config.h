// What a network is made from: the resolved `model` of a job with the sizes of its input and output. No
// LibTorch here.
#ifndef ECGTRAIN_WORKER_MODEL_MODEL_CONFIG_H_
#define ECGTRAIN_WORKER_MODEL_MODEL_CONFIG_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

inline constexpr int kModelLeads = 12;
inline constexpr int kBlockStride = 4;
inline constexpr int kBlocks = 4;
inline constexpr int kTotalStride = 256;  // kBlockStride ^ kBlocks

using ModelChannels = std::array<int64_t, kBlocks + 1>;  // stem, then one for each encoder block

enum class Merge { kConcat, kAdd };
enum class SkipUpsample { kNearest, kTransposedK4, kTransposedK1 };
enum class ClassifierHead { kFlattenLinear, kMeanMaxPool };

// Defaults are the preset `paper` (paper.md, section 0).
struct ModelConfig {
  std::string name = "u_resnet";
  std::string preset = "paper";
  ModelChannels channels = {64, 128, 196, 256, 320};
  int64_t kernel_size = 17;
  double dropout = 0;
  Merge merge = Merge::kConcat;
  SkipUpsample skip_upsample = SkipUpsample::kNearest;
  ClassifierHead head = ClassifierHead::kFlattenLinear;
  int64_t samples = 4096;  // of one input; a multiple of kTotalStride
  int64_t classes = 0;     // of a classifier
};

// The channels of the preset `paper` times `width`, each rounded to the nearest multiple of 8 and at least 8;
// a width of exactly 1 keeps them as they are.
ModelChannels ScaledChannels(double width);

// The width of a preset; NOT_FOUND naming the known ones.
absl::Status ApplyPreset(absl::string_view preset, ModelConfig& config);

// INVALID_ARGUMENT naming the field: channels below 1, an even kernel, dropout outside [0, 1), a sample count
// that is no multiple of kTotalStride.
absl::Status CheckModelConfig(const ModelConfig& config);

absl::string_view MergeName(Merge merge);
absl::string_view SkipUpsampleName(SkipUpsample upsample);
absl::string_view ClassifierHeadName(ClassifierHead head);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_MODEL_CONFIG_H_
