// spec.json of a run directory as one plain struct (docs/run-directory.md, proto/ecgtrain/v1/spec.proto). No
// LibTorch and no protobuf here.
#ifndef ECGTRAIN_WORKER_TRAIN_SPEC_H_
#define ECGTRAIN_WORKER_TRAIN_SPEC_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "worker/model/model_config.h"

namespace ecgtrain {

enum class TaskKind { kPretrain, kFinetune, kEvaluate };
enum class MaskDraw { kExact, kBernoulli, kWithReplacement };
enum class Align { kMiddle, kStart };
enum class LossRegion { kMasked, kAll, kSignal };
enum class Precision { kAuto, kFp32, kTf32, kBf16 };

struct FoldsSpec {
  std::vector<uint32_t> train = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<uint32_t> validation = {9};
  std::vector<uint32_t> test = {10};
};

struct SignalSettings {
  uint32_t rate = 400;      // samples a second
  uint32_t samples = 4096;  // of one input
  bool highpass = true;
  Align align = Align::kMiddle;
};

// All off: the paper augments nothing.
struct AugmentSettings {
  bool crop = false;
  double gain = 0;
  double noise = 0;   // millivolts
  double wander = 0;  // millivolts
  double lead_drop = 0;
};

struct MaskSettings {
  uint32_t cell = 64;  // samples
  double ratio = 0.25;
  MaskDraw draw = MaskDraw::kExact;
  bool per_lead = false;
  bool avoid_padding = true;
};

struct OptimizerSettings {
  bool adamw = false;
  double learning_rate = 1e-3;
  double weight_decay = 0;
  double clip_norm = 1;
};

struct ScheduleSettings {
  uint32_t epochs = 50;
  uint64_t max_steps = 0;  // 0: no such end
  uint32_t batch_size = 64;
  double plateau_factor = 0.1;
  uint32_t plateau_patience = 7;
  uint32_t log_every = 10;
};

struct CheckpointSettings {
  absl::Duration every = absl::Minutes(10);
  uint64_t every_steps = 0;  // 0: by time only
  uint32_t keep_last = 2;
  uint32_t keep_best = 1;
  std::string metric;  // "validation/loss", ...
};

// Where the records come from: a pack, or a data set that is packed into `cache` first.
struct DataSource {
  std::filesystem::path pack;
  std::string type;
  std::filesystem::path path;
  std::filesystem::path cache;
  uint64_t records = 0;  // of a synthetic set
  uint64_t seed = 0;
  std::string source_digest;  // that the pack must have; "": any
};

struct DeviceSettings {
  bool gpu = false;
  std::vector<std::string> uuids;
  int threads = 1;
};

struct TrainerSpec {
  uint64_t job = 0;
  uint64_t attempt = 0;
  uint64_t token = 0;

  TaskKind kind = TaskKind::kPretrain;
  std::string label_task = "all";  // which labels: "all", "diagnostic", ...
  FoldsSpec folds;
  SignalSettings signal;
  AugmentSettings augment;
  MaskSettings mask;
  LossRegion loss_region = LossRegion::kMasked;
  double label_fraction = 1;
  bool freeze_encoder = false;
  ModelConfig model;
  OptimizerSettings optimizer;
  ScheduleSettings schedule;
  Precision precision = Precision::kAuto;
  uint64_t seed = 1;
  uint64_t non_finite_limit = 10;  // steps in a row
  bool allow_leakage = false;
  CheckpointSettings checkpoint;

  DataSource data;
  std::filesystem::path parent;  // empty: none; relative to the run directory
  std::filesystem::path resume;
  DeviceSettings device;

  std::string sha256;  // of the file
};

// INVALID_ARGUMENT naming the key: unknown ones (with the nearest known name), wrong types, values that are
// out of range or do not fit together. Absent settings get the defaults of spec.proto.
absl::StatusOr<TrainerSpec> ParseTrainerSpec(absl::string_view text);

// The same for a file.
absl::StatusOr<TrainerSpec> ReadTrainerSpec(const std::filesystem::path& path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_SPEC_H_
