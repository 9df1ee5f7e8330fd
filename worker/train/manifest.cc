#include "worker/train/manifest.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/json.h"
#include "common/status_macros.h"
#include "worker/train/json_fields.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;

Json ModelToJson(const ModelConfig& model) {
  return {{"name", model.name},
          {"preset", model.preset},
          {"channels", model.channels},
          {"kernel_size", model.kernel_size},
          {"dropout", model.dropout},
          {"merge", std::string(MergeName(model.merge))},
          {"skip_upsample", std::string(SkipUpsampleName(model.skip_upsample))},
          {"head", std::string(ClassifierHeadName(model.head))}};
}

// `align` stands there only where it is not what every checkpoint without it had.
Json SignalToJson(const SignalSettings& signal) {
  Json json = {{"rate", signal.rate}, {"samples", signal.samples}, {"highpass", signal.highpass}};
  if (signal.align == Align::kStart) json["align"] = "start";
  return json;
}

// Without a line of its own in older manifests: as every checkpoint then had it.
Json WithAlign(Json signal) {
  if (signal.is_object() && !signal.contains("align")) signal["align"] = "middle";
  return signal;
}

}  // namespace

Json RunManifest(const TrainerSpec& spec, const std::vector<std::string>& classes, const PackInfo& data,
                 const Json& fingerprint) {
  Json manifest = {{"job", spec.job},
                   {"attempt", spec.attempt},
                   {"token", spec.token},
                   {"task", spec.kind == TaskKind::kPretrain ? "pretrain" : "finetune"},
                   {"model", ModelToJson(spec.model)},
                   {"signal", SignalToJson(spec.signal)},
                   {"spec_sha256", spec.sha256},
                   {"source_digest", data.source_digest},
                   {"data_digest", data.digest},
                   {"fingerprint", fingerprint}};
  if (!classes.empty()) {
    manifest["classes"] = classes;
    manifest["label_task"] = spec.label_task;
  }
  return manifest;
}

absl::StatusOr<ModelConfig> ModelOfManifest(const Json& manifest) {
  ModelConfig model;
  const Json empty = Json::object();
  JsonFields fields(manifest.contains("model") ? manifest["model"] : empty, "manifest.json: model");
  std::vector<uint32_t> channels;
  fields.Read("name", model.name);
  fields.Read("preset", model.preset);
  fields.Read("channels", channels, 1, 2048);
  fields.ReadUnsigned("kernel_size", model.kernel_size, 5, 63);
  fields.Read("dropout", model.dropout, 0, 0.95);
  fields.ReadOneOf<Merge>("merge", model.merge, {{"concat", Merge::kConcat}, {"add", Merge::kAdd}});
  fields.ReadOneOf<SkipUpsample>("skip_upsample", model.skip_upsample,
                                 {{"nearest", SkipUpsample::kNearest},
                                  {"transposed_k4", SkipUpsample::kTransposedK4},
                                  {"transposed_k1", SkipUpsample::kTransposedK1}});
  fields.ReadOneOf<ClassifierHead>(
      "head", model.head,
      {{"flatten_linear", ClassifierHead::kFlattenLinear}, {"mean_max_pool", ClassifierHead::kMeanMaxPool}});
  if (channels.size() != model.channels.size()) fields.Fail("channels", "must be a list of 5");
  absl::Status status = fields.Finish();
  if (!status.ok()) return absl::DataLossError(status.message());
  std::copy(channels.begin(), channels.end(), model.channels.begin());
  JsonFields signal(manifest.contains("signal") ? manifest["signal"] : empty, "manifest.json: signal");
  signal.Ignore({"rate", "highpass", "align"});
  signal.ReadUnsigned("samples", model.samples, kTotalStride, 16384);
  status = signal.Finish();
  if (!status.ok()) return absl::DataLossError(status.message());
  return model;
}

std::string SignalDifferences(const Json& manifest, const SignalSettings& signal) {
  const Json there = WithAlign(manifest.value("signal", Json::object()));
  const Json here = WithAlign(SignalToJson(signal));
  std::vector<std::string> differences;
  for (const char* key : {"rate", "highpass", "align"}) {
    const Json was = there.is_object() ? there.value(key, Json()) : Json();
    if (was != here[key])
      differences.push_back(absl::StrCat(key, " ", DumpJson(was), " there, ", here[key].dump(), " here"));
  }
  return absl::StrJoin(differences, "; ");
}

absl::StatusOr<std::vector<std::string>> ClassesOfManifest(const Json& manifest) {
  std::vector<std::string> classes;
  const auto list = manifest.find("classes");
  if (list == manifest.end()) return classes;
  if (!list->is_array()) return absl::DataLossError("manifest.json: classes is not a list of names");
  for (const Json& name : *list) {
    if (!name.is_string()) return absl::DataLossError("manifest.json: classes is not a list of names");
    classes.push_back(name.get<std::string>());
  }
  return classes;
}

}  // namespace ecgtrain
