#include "worker/train/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ecgtrain {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

Json Minimal(const char* kind = "pretrain") {
  return {{"format", 1},
          {"spec", {{kind, {{"dataset", "synthetic"}}}}},
          {"data", {{"pack", "/packs/a.pack"}}},
          {"device", {{"kind", "cpu"}, {"threads", 2}}}};
}

absl::StatusOr<TrainerSpec> Parse(const Json& json) { return ParseTrainerSpec(json.dump()); }

std::string Problem(const Json& json) { return std::string(Parse(json).status().message()); }

TEST(TrainerSpec, FillsTheDefaultsOfThePaper) {
  const auto spec = Parse(Minimal());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->kind, TaskKind::kPretrain);
  EXPECT_EQ(spec->model.channels, (ModelChannels{64, 128, 196, 256, 320}));
  EXPECT_EQ(spec->model.dropout, 0);
  EXPECT_EQ(spec->signal.rate, 400u);
  EXPECT_EQ(spec->mask.cell, 64u);
  EXPECT_EQ(spec->checkpoint.metric, "validation/loss");
  EXPECT_EQ(spec->sha256.size(), 64u);
  const auto finetune = Parse(Minimal("finetune"));
  ASSERT_TRUE(finetune.ok()) << finetune.status();
  EXPECT_EQ(finetune->model.dropout, 0.5);
  EXPECT_EQ(finetune->checkpoint.metric, "validation/auroc_macro");
}

TEST(TrainerSpec, PresetTinyBringsItsSignal) {
  Json json = Minimal();
  json["spec"]["model"]["preset"] = "tiny";
  const auto spec = Parse(json);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->signal.rate, 100u);
  EXPECT_EQ(spec->signal.samples, 1024u);
  EXPECT_EQ(spec->mask.cell, 16u);
  EXPECT_EQ(spec->model.samples, 1024);
}

TEST(TrainerSpec, ReadsDurationsAndWideNumbersAsProtobufWritesThem) {
  Json json = Minimal();
  json["spec"]["checkpoint"] = {{"every", "90.5s"}, {"every_steps", 7}};
  json["job"] = "12";
  const auto spec = Parse(json);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->checkpoint.every, absl::Seconds(90.5));
  EXPECT_EQ(spec->checkpoint.every_steps, 7u);
  EXPECT_EQ(spec->job, 12u);
}

TEST(TrainerSpec, RefusesUnknownKeysAtEveryDepthAndNamesTheNearest) {
  Json json = Minimal();
  json["spec"]["optimizer"]["learning_rat"] = 1;
  EXPECT_EQ(Problem(json), "spec.optimizer.learning_rat: no such key; did you mean \"learning_rate\"?");
  json = Minimal();
  json["spec"]["pretrain"]["mask"]["cells"] = 1;
  EXPECT_THAT(Problem(json), HasSubstr("spec.pretrain.mask.cells"));
  json = Minimal();
  json["extra"] = 1;
  EXPECT_THAT(Problem(json), HasSubstr("extra: no such key"));
  json = Minimal("evaluate");
  json["spec"]["evaluate"]["label_fraction"] = 1;
  EXPECT_THAT(Problem(json), HasSubstr("label_fraction: no such key"));
}

TEST(TrainerSpec, RefusesValuesThatMakeNoSense) {
  const std::pair<const char*, Json> cases[] = {{"/spec/model/kernel_size", 16},
                                                {"/spec/model/channels", {8, 8}},
                                                {"/spec/model/dropout", 1.5},
                                                {"/spec/model/preset", "papr"},
                                                {"/spec/schedule/epochs", 0},
                                                {"/spec/schedule/batch_size", -1},
                                                {"/spec/optimizer/learning_rate", "x"},
                                                {"/spec/checkpoint/every", "10m"},
                                                {"/spec/checkpoint/metric", "validation/f_max"},
                                                {"/spec/pretrain/signal/samples", 1000},
                                                {"/spec/pretrain/mask/cell", 60},
                                                {"/spec/pretrain/folds/test", {1}},
                                                {"/spec/pretrain/signal/align", "end"},
                                                {"/spec/pretrain/augment", true},
                                                {"/spec/pretrain/augment/crop", 1},
                                                {"/spec/pretrain/augment/gain", 0.91},
                                                {"/spec/pretrain/augment/noise", -0.1},
                                                {"/spec/pretrain/augment/wander", 10.1},
                                                {"/spec/pretrain/augment/lead_drop", 1},
                                                {"/spec/pretrain/augment/lead_drp", 0.1},
                                                {"/spec/precision", "fp16"},
                                                {"/device/threads", 0},
                                                {"/format", 2},
                                                {"/data", Json::object()},
                                                {"/inputs/parent", "inputs/parent"},
                                                {"/spec/finetune", Json::object()}};
  for (const auto& [pointer, value] : cases) {
    Json json = Minimal();
    json[Json::json_pointer(pointer)] = value;
    EXPECT_EQ(Parse(json).status().code(), absl::StatusCode::kInvalidArgument) << pointer;
  }
}

TEST(TrainerSpec, ReadsAlignmentAndAugmentationOfBothTrainings) {
  for (const char* kind : {"pretrain", "finetune"}) {
    Json json = Minimal(kind);
    const auto off = Parse(json);
    ASSERT_TRUE(off.ok()) << off.status();
    EXPECT_EQ(off->signal.align, Align::kMiddle);
    EXPECT_FALSE(off->augment.crop);
    EXPECT_EQ(off->augment.gain + off->augment.noise + off->augment.wander + off->augment.lead_drop, 0);
    json["spec"][kind]["signal"]["align"] = "start";
    json["spec"][kind]["augment"] = {
        {"crop", true}, {"gain", 0.1}, {"noise", 0.2}, {"wander", 0.3}, {"lead_drop", 0.4}};
    const auto on = Parse(json);
    ASSERT_TRUE(on.ok()) << on.status();
    EXPECT_EQ(on->signal.align, Align::kStart);
    EXPECT_TRUE(on->augment.crop);
    EXPECT_EQ(on->augment.gain, 0.1);
    EXPECT_EQ(on->augment.noise, 0.2);
    EXPECT_EQ(on->augment.wander, 0.3);
    EXPECT_EQ(on->augment.lead_drop, 0.4);
  }
  Json json = Minimal("evaluate");
  json["spec"]["evaluate"]["augment"]["crop"] = true;
  EXPECT_THAT(Problem(json), HasSubstr("spec.evaluate.augment: no such key"));
  json = Minimal();
  json["spec"]["pretrain"]["augment"]["lead_drp"] = 0.1;
  EXPECT_THAT(Problem(json), HasSubstr("did you mean \"lead_drop\"?"));
}

TEST(TrainerSpec, EvaluationNeedsAParent) {
  EXPECT_THAT(Problem(Minimal("evaluate")), HasSubstr("inputs.parent"));
  Json json = Minimal("evaluate");
  json["inputs"]["parent"] = "inputs/parent";
  EXPECT_TRUE(Parse(json).ok());
}

TEST(TrainerSpec, SurvivesHostileText) {
  for (const char* text : {"", "null", "[]", "3", "{\"spec\":[]}", "{\"format\":1,\"spec\":{\"pretrain\":3}}",
                           "{\"format\":1,\"spec\":{\"pretrain\":{},\"model\":[]}}"}) {
    EXPECT_FALSE(ParseTrainerSpec(text).ok()) << text;
  }
}

}  // namespace
}  // namespace ecgtrain
