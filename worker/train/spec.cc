#include "worker/train/spec.h"

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/json_fields.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kNoLimit = ~uint64_t{0};

absl::Status ReadFolds(const Json& json, const std::string& where, FoldsSpec& folds) {
  JsonFields fields(json, where);
  fields.Read("train", folds.train, 1, 10);
  fields.Read("validation", folds.validation, 1, 10);
  fields.Read("test", folds.test, 1, 10);
  std::set<uint32_t> seen;
  for (const std::vector<uint32_t>* list : {&folds.train, &folds.validation, &folds.test}) {
    for (const uint32_t fold : *list) {
      if (!seen.insert(fold).second) fields.Fail("", absl::StrCat("fold ", fold, " stands in two places"));
    }
  }
  return fields.Finish();
}

absl::Status ReadSignal(const Json& json, const std::string& where, SignalSettings& signal) {
  JsonFields fields(json, where);
  fields.ReadUnsigned("rate", signal.rate, 50, 1000);
  fields.ReadUnsigned("samples", signal.samples, kTotalStride, 16384);
  fields.Read("highpass", signal.highpass);
  fields.ReadOneOf<Align>("align", signal.align, {{"middle", Align::kMiddle}, {"start", Align::kStart}});
  return fields.Finish();
}

absl::Status ReadAugment(const Json& json, const std::string& where, AugmentSettings& augment) {
  JsonFields fields(json, where);
  fields.Read("crop", augment.crop);
  fields.Read("gain", augment.gain, 0, 0.9);
  fields.Read("noise", augment.noise, 0, 10);
  fields.Read("wander", augment.wander, 0, 10);
  fields.Read("lead_drop", augment.lead_drop, 0, 0.9);
  return fields.Finish();
}

absl::Status ReadMask(const Json& json, const std::string& where, const SignalSettings& signal,
                      MaskSettings& mask) {
  JsonFields fields(json, where);
  fields.ReadUnsigned("cell", mask.cell, 1, 4096);
  fields.Read("ratio", mask.ratio, 0.01, 0.95);
  fields.ReadOneOf<MaskDraw>("draw", mask.draw,
                             {{"exact", MaskDraw::kExact},
                              {"bernoulli", MaskDraw::kBernoulli},
                              {"with_replacement", MaskDraw::kWithReplacement}});
  fields.ReadOneOf<bool>("leads", mask.per_lead, {{"shared", false}, {"independent", true}});
  fields.ReadOneOf<bool>("padding", mask.avoid_padding, {{"avoid", true}, {"ignore", false}});
  if (signal.samples % mask.cell != 0) {
    fields.Fail("cell", absl::StrCat(mask.cell, " does not divide signal.samples, ", signal.samples));
  }
  return fields.Finish();
}

absl::Status ReadLoss(const Json& json, const std::string& where, LossRegion& region) {
  JsonFields fields(json, where);
  fields.ReadOneOf<LossRegion>(
      "region", region,
      {{"masked", LossRegion::kMasked}, {"all", LossRegion::kAll}, {"signal", LossRegion::kSignal}});
  return fields.Finish();
}

// The task's own message; `spec.signal` already holds the preset's defaults.
absl::Status ReadTask(const Json& json, const std::string& where, TrainerSpec& spec) {
  JsonFields fields(json, where);
  fields.Ignore({"dataset", "from"});  // resolved by the worker into `data` and `inputs`
  const Json& folds = fields.Object("folds");
  const Json& signal = fields.Object("signal");
  if (spec.kind == TaskKind::kEvaluate) spec.folds = {.train = {}, .validation = {}};  // it only tests
  RETURN_IF_ERROR(ReadFolds(folds, fields.Path("folds"), spec.folds));
  RETURN_IF_ERROR(ReadSignal(signal, fields.Path("signal"), spec.signal));
  if (spec.kind != TaskKind::kEvaluate)
    RETURN_IF_ERROR(ReadAugment(fields.Object("augment"), fields.Path("augment"), spec.augment));
  if (spec.kind == TaskKind::kPretrain) {
    spec.mask.cell = spec.signal.rate * 4 / 25;  // 160 ms
    const Json& mask = fields.Object("mask");
    const Json& loss = fields.Object("loss");
    RETURN_IF_ERROR(ReadMask(mask, fields.Path("mask"), spec.signal, spec.mask));
    RETURN_IF_ERROR(ReadLoss(loss, fields.Path("loss"), spec.loss_region));
    return fields.Finish();
  }
  fields.Read("task", spec.label_task);
  if (spec.kind == TaskKind::kFinetune) {
    fields.Read("label_fraction", spec.label_fraction, 0.001, 1);
    fields.Read("freeze_encoder", spec.freeze_encoder);
  }
  return fields.Finish();
}

absl::Status ReadModel(const Json& json, const std::string& where, TrainerSpec& spec) {
  JsonFields fields(json, where);
  ModelConfig& model = spec.model;
  std::string preset = "paper";
  fields.Read("name", model.name);
  fields.ReadOneOf<std::string>("preset", preset,
                                {{"paper", "paper"}, {"quarter", "quarter"}, {"tiny", "tiny"}});
  RETURN_IF_ERROR(ApplyPreset(preset, model));
  if (preset == "tiny") spec.signal = {.rate = 100, .samples = 1024};
  if (fields.Has("width")) {
    double width = 1;
    fields.Read("width", width, 0.01, 4);
    model.channels = ScaledChannels(width);
  }
  std::vector<uint32_t> channels;
  fields.Read("channels", channels, 1, 2048);
  if (!channels.empty()) {
    if (channels.size() != model.channels.size())
      fields.Fail("channels", "must be a list of 5: stem and four blocks");
    for (size_t i = 0; i < channels.size() && i < model.channels.size(); ++i) model.channels[i] = channels[i];
  }
  fields.ReadUnsigned("kernel_size", model.kernel_size, 5, 63);
  model.dropout = spec.kind == TaskKind::kFinetune ? 0.5 : 0;
  fields.Read("dropout", model.dropout, 0, 0.95);
  fields.ReadOneOf<Merge>("merge", model.merge, {{"concat", Merge::kConcat}, {"add", Merge::kAdd}});
  fields.ReadOneOf<SkipUpsample>("skip_upsample", model.skip_upsample,
                                 {{"nearest", SkipUpsample::kNearest},
                                  {"transposed_k4", SkipUpsample::kTransposedK4},
                                  {"transposed_k1", SkipUpsample::kTransposedK1}});
  fields.ReadOneOf<ClassifierHead>(
      "head", model.head,
      {{"flatten_linear", ClassifierHead::kFlattenLinear}, {"mean_max_pool", ClassifierHead::kMeanMaxPool}});
  return fields.Finish();
}

absl::Status ReadOptimizer(const Json& json, const std::string& where, OptimizerSettings& optimizer) {
  JsonFields fields(json, where);
  fields.ReadOneOf<bool>("name", optimizer.adamw, {{"adam", false}, {"adamw", true}});
  fields.Read("learning_rate", optimizer.learning_rate, 1e-8, 10);
  fields.Read("weight_decay", optimizer.weight_decay, 0, 10);
  fields.Read("clip_norm", optimizer.clip_norm, 0, 1e6);
  return fields.Finish();
}

absl::Status ReadSchedule(const Json& json, const std::string& where, ScheduleSettings& schedule) {
  JsonFields fields(json, where);
  fields.ReadUnsigned("epochs", schedule.epochs, 1, 100000);
  fields.ReadUnsigned("max_steps", schedule.max_steps, 0, kNoLimit);
  fields.ReadUnsigned("batch_size", schedule.batch_size, 1, 65536);
  fields.ReadUnsigned("log_every", schedule.log_every, 1, 100000);
  JsonFields plateau(fields.Object("plateau"), fields.Path("plateau"));
  plateau.Read("factor", schedule.plateau_factor, 0.001, 1);
  plateau.ReadUnsigned("patience", schedule.plateau_patience, 1, 100000);
  RETURN_IF_ERROR(plateau.Finish());
  return fields.Finish();
}

absl::Status ReadCheckpoint(const Json& json, const std::string& where, TaskKind kind,
                            CheckpointSettings& checkpoint) {
  JsonFields fields(json, where);
  fields.ReadSeconds("every", checkpoint.every, 1, 604800);
  fields.ReadUnsigned("every_steps", checkpoint.every_steps, 0, kNoLimit);
  fields.ReadUnsigned("keep_last", checkpoint.keep_last, 1, 100);
  fields.ReadUnsigned("keep_best", checkpoint.keep_best, 1, 100);
  checkpoint.metric = kind == TaskKind::kPretrain ? "validation/loss" : "validation/auroc_macro";
  fields.Read("metric", checkpoint.metric);
  const bool scores =
      checkpoint.metric == "validation/auroc_macro" || checkpoint.metric == "validation/f_max";
  if (checkpoint.metric != "validation/loss" && !(scores && kind != TaskKind::kPretrain)) {
    fields.Fail("metric", absl::StrCat("\"", checkpoint.metric, "\" is not measured by this kind of job"));
  }
  return fields.Finish();
}

absl::StatusOr<TaskKind> KindOf(const Json& json) {
  static constexpr std::pair<const char*, TaskKind> kKinds[] = {{"pretrain", TaskKind::kPretrain},
                                                                {"finetune", TaskKind::kFinetune},
                                                                {"evaluate", TaskKind::kEvaluate}};
  std::optional<TaskKind> kind;
  for (const auto& [name, value] : kKinds) {
    if (!json.is_object() || !json.contains(name)) continue;
    if (kind.has_value())
      return absl::InvalidArgumentError("spec: holds more than one of pretrain, finetune, evaluate");
    kind = value;
  }
  if (!kind.has_value()) return absl::InvalidArgumentError("spec: needs one of pretrain, finetune, evaluate");
  return *kind;
}

absl::Status ReadJobSpec(const Json& json, TrainerSpec& spec) {
  ASSIGN_OR_RETURN(spec.kind, KindOf(json));
  JsonFields fields(json, "spec");
  fields.Ignore(
      {"name", "resources", "priority", "after", "retry", "on_lost", "labels"});  // the service's business
  fields.ReadOneOf<Precision>("precision", spec.precision,
                              {{"auto", Precision::kAuto},
                               {"fp32", Precision::kFp32},
                               {"tf32", Precision::kTf32},
                               {"bf16", Precision::kBf16}});
  fields.ReadUnsigned("seed", spec.seed, 0, 0xffffffff);
  fields.Read("allow_leakage", spec.allow_leakage);
  fields.ReadUnsigned("non_finite_limit", spec.non_finite_limit, 1, 100000);
  RETURN_IF_ERROR(ReadModel(fields.Object("model"), "spec.model", spec));
  const char* task = spec.kind == TaskKind::kPretrain   ? "pretrain"
                     : spec.kind == TaskKind::kFinetune ? "finetune"
                                                        : "evaluate";
  RETURN_IF_ERROR(ReadTask(fields.Object(task), fields.Path(task), spec));
  RETURN_IF_ERROR(ReadOptimizer(fields.Object("optimizer"), "spec.optimizer", spec.optimizer));
  RETURN_IF_ERROR(ReadSchedule(fields.Object("schedule"), "spec.schedule", spec.schedule));
  RETURN_IF_ERROR(ReadCheckpoint(fields.Object("checkpoint"), "spec.checkpoint", spec.kind, spec.checkpoint));
  spec.model.samples = spec.signal.samples;
  RETURN_IF_ERROR(CheckModelConfig(spec.model));
  return fields.Finish();
}

absl::Status ReadData(const Json& json, DataSource& data) {
  JsonFields fields(json, "data");
  std::string pack;
  std::string path;
  std::string cache;
  fields.Read("pack", pack);
  fields.Read("type", data.type);
  fields.Read("path", path);
  fields.Read("cache", cache);
  fields.ReadUnsigned("records", data.records, 1, uint64_t{1} << 32);
  fields.ReadUnsigned("seed", data.seed, 0, kNoLimit);
  fields.Read("source_digest", data.source_digest);
  data.pack = pack;
  data.path = path;
  data.cache = cache;
  if (pack.empty() == data.type.empty()) fields.Fail("", "needs either `pack` or `type`");
  if (pack.empty() && cache.empty())
    fields.Fail("cache", "is needed with `type`: the folder that packs go to");
  return fields.Finish();
}

absl::Status ReadDevice(const Json& json, DeviceSettings& device) {
  JsonFields fields(json, "device");
  fields.ReadOneOf<bool>("kind", device.gpu, {{"cpu", false}, {"gpu", true}});
  fields.ReadUnsigned("threads", device.threads, 1, 1024);
  fields.ReadStrings("uuids", device.uuids);
  return fields.Finish();
}

}  // namespace

absl::StatusOr<TrainerSpec> ParseTrainerSpec(absl::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(text, run_directory::kSpecFile));
  TrainerSpec spec;
  spec.sha256 = Sha256Hex(text);
  JsonFields fields(json, "");
  uint64_t format = 0;
  fields.ReadUnsigned("format", format, 0, kNoLimit);
  if (format != run_directory::kFormat) {
    fields.Fail("format",
                absl::StrCat(format, " is not known to this program, which reads ", run_directory::kFormat));
  }
  fields.ReadUnsigned("job", spec.job, 0, kNoLimit);
  fields.ReadUnsigned("attempt", spec.attempt, 0, kNoLimit);
  fields.ReadUnsigned("token", spec.token, 0, kNoLimit);
  RETURN_IF_ERROR(ReadJobSpec(fields.Object("spec"), spec));
  RETURN_IF_ERROR(ReadData(fields.Object("data"), spec.data));
  RETURN_IF_ERROR(ReadDevice(fields.Object("device"), spec.device));
  JsonFields inputs(fields.Object("inputs"), "inputs");
  std::string parent;
  std::string resume;
  inputs.Read("parent", parent);
  inputs.Read("resume", resume);
  RETURN_IF_ERROR(inputs.Finish());
  RETURN_IF_ERROR(fields.Finish());
  spec.parent = parent;
  spec.resume = resume;
  if (spec.kind == TaskKind::kEvaluate && spec.parent.empty()) {
    return absl::InvalidArgumentError("inputs.parent: an evaluation needs the checkpoint it scores");
  }
  if (spec.kind == TaskKind::kPretrain && !spec.parent.empty()) {
    return absl::InvalidArgumentError("inputs.parent: a pretraining starts from random weights");
  }
  return spec;
}

absl::StatusOr<TrainerSpec> ReadTrainerSpec(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1 << 20));
  ASSIGN_OR_RETURN(TrainerSpec spec, ParseTrainerSpec(text), WithContext(_, path.string()));
  return spec;
}

}  // namespace ecgtrain
