#include "spec/spec_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Refusal {
  std::string text;
  std::string message;
};

// GoogleTest would print the bytes of a table row otherwise.
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.text; }

class RefusedSpecTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedSpecTest, SaysWhereAndWhy) {
  const absl::Status status = ParseSpec(GetParam().text, "s.yaml").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith(GetParam().message));
  EXPECT_EQ(status.message().find('\n'), absl::string_view::npos) << "more than one line";
}

INSTANTIATE_TEST_SUITE_P(
    Keys, RefusedSpecTest,
    ::testing::Values(
        Refusal{"optimizer:\n  learning_rat: 1",
                "s.yaml:2: unknown key \"learning_rat\" in optimizer; did you mean \"learning_rate\"?"},
        Refusal{"{\"pretrian\": {}}",
                "s.yaml:1: unknown key \"pretrian\" in the specification; did you mean \"pretrain\"?"},
        Refusal{"pretrain:\n  folds:\n    trian: [1]",
                "s.yaml:3: unknown key \"trian\" in pretrain.folds; did you mean \"train\"?"},
        Refusal{"schedule: {zzzzzzzzz: 1}", "s.yaml:1: unknown key \"zzzzzzzzz\" in schedule; known: epochs"},
        Refusal{"seed: 1\nname: a\nseed: 2",
                "s.yaml:3: key \"seed\" stands here a second time; first in line 1"},
        Refusal{"labels: {a: b, a: c}", "s.yaml:1: key \"a\" stands here a second time"},
        Refusal{"pretrain: {dataset: a}\nfinetune: {dataset: a}",
                "s.yaml:2: \"finetune\" beside \"pretrain\""},
        Refusal{"[1]: 2", "s.yaml:1: a key must be a plain word"},
        Refusal{"\"na\\x07me\": a", "s.yaml:1: unknown key \"na\\x07me\""}));

INSTANTIATE_TEST_SUITE_P(
    Types, RefusedSpecTest,
    ::testing::Values(
        Refusal{"seed: 010", "s.yaml:1: seed: \"010\" has leading zeros"},
        Refusal{"seed: 0x10", "s.yaml:1: seed: \"0x10\" is not a whole number"},
        Refusal{"seed: -1", "s.yaml:1: seed: \"-1\" is not a whole number"},
        Refusal{"seed: 1.0", "s.yaml:1: seed: \"1.0\" is not a whole number"},
        Refusal{"seed: 4294967296", "s.yaml:1: seed: \"4294967296\" is larger than 4294967295"},
        Refusal{"seed: \"1\"", "s.yaml:1: seed: \"1\" is text because of its quotes; write a whole number"},
        Refusal{"seed: [1]", "s.yaml:1: seed must be a whole number"},
        Refusal{"seed:", "s.yaml:1: seed has no value; write a whole number or leave it out"},
        Refusal{"seed: null", "s.yaml:1: seed has no value"},
        Refusal{"optimizer: {learning_rate: nan}",
                "s.yaml:1: optimizer.learning_rate: \"nan\" is not a number"},
        Refusal{"optimizer: {learning_rate: .inf}",
                "s.yaml:1: optimizer.learning_rate: \".inf\" is not a number"},
        Refusal{"optimizer: {learning_rate: 1e999}",
                "s.yaml:1: optimizer.learning_rate: \"1e999\" is too large"},
        Refusal{"optimizer: {learning_rate: 00.1}",
                "s.yaml:1: optimizer.learning_rate: \"00.1\" has leading zeros"},
        Refusal{"optimizer: {learning_rate: '0.1'}",
                "s.yaml:1: optimizer.learning_rate: \"0.1\" is text because of its quotes"},
        Refusal{"finetune: {freeze_encoder: yes}",
                "s.yaml:1: finetune.freeze_encoder: \"yes\" is not true or false"},
        Refusal{"finetune: {freeze_encoder: True}",
                "s.yaml:1: finetune.freeze_encoder: \"True\" is not true or false"},
        Refusal{"finetune: {freeze_encoder: 'false'}",
                "s.yaml:1: finetune.freeze_encoder: \"false\" is text because of its quotes"},
        Refusal{"checkpoint:\n  every: 10", "s.yaml:2: checkpoint.every: \"10\" is not a duration"},
        Refusal{"checkpoint: {every: -5m}", "s.yaml:1: checkpoint.every: \"-5m\" is not a duration"},
        Refusal{"after: job/11", "s.yaml:1: after must be a list of words; write [job/11]"},
        Refusal{"finetune: {folds: {train: [1, x]}}",
                "s.yaml:1: finetune.folds.train[1]: \"x\" is not a whole number"},
        Refusal{"finetune: {folds: {train: [[1]]}}", "s.yaml:1: finetune.folds.train[0]"},
        Refusal{"labels: [a]", "s.yaml:1: labels must be a mapping"},
        Refusal{"labels: {a: {}}", "s.yaml:1: labels.a must be a word"},
        Refusal{"optimizer: adam", "s.yaml:1: optimizer must be a mapping of name, learning_rate"},
        Refusal{"just text", "s.yaml:1: a specification must be a mapping"},
        Refusal{"[1, 2]", "s.yaml:1: a specification must be a mapping"}));

INSTANTIATE_TEST_SUITE_P(
    Yaml, RefusedSpecTest,
    ::testing::Values(
        Refusal{"", "s.yaml: is empty"}, Refusal{"# only a comment\n", "s.yaml: is empty"},
        Refusal{"seed: 1\n---\nseed: 2", "s.yaml: holds more than one document"},
        Refusal{"name: &a x", "s.yaml:1: anchors"}, Refusal{"seed: &a\nname: b", "s.yaml:1: anchors"},
        Refusal{"after: &a [b]\nlabels: *a", "s.yaml:1: anchors"}, Refusal{"seed: *a", "s.yaml:1: "},
        Refusal{"seed: !!int 3", "s.yaml:1: tags (tag:yaml.org,2002:int) are not allowed"},
        Refusal{"seed: !secret 3", "s.yaml:1: tags"}, Refusal{"labels: !!map {a: b}", "s.yaml:1: tags"},
        Refusal{"name: a\nlabels: {a: b", "s.yaml:"}, Refusal{"name: \"abc", "s.yaml:"},
        Refusal{"\tname: a", "s.yaml:1: not valid YAML"},
        Refusal{std::string("seed: 1\nname: a\0b", 17), "s.yaml:2: control character 0x00"},
        Refusal{"name: a\x04 hidden: b", "s.yaml:1: control character 0x04"}));

TEST(ParseSpecTest, YamlAndJsonGiveTheSame) {
  const absl::StatusOr<v1::JobSpec> yaml = ParseSpec(
      "name: no\n"
      "finetune:\n  dataset: ptbxl\n  label_fraction: 1e-1\n  freeze_encoder: true\n  folds: {train: [1, "
      "2]}\n"
      "optimizer: {learning_rate: 1e-3}\ncheckpoint: {every: 1h30m}\nafter: [job/11, 12]\nlabels: {study: "
      "first, n: 010}\n",
      "a");
  const absl::StatusOr<v1::JobSpec> json = ParseSpec(
      R"({"name": "no", "finetune": {"dataset": "ptbxl", "label_fraction": 0.1, "freeze_encoder": true,
          "folds": {"train": [1, 2]}}, "optimizer": {"learning_rate": 0.001}, "checkpoint": {"every": "5400s"},
          "after": ["job/11", "12"], "labels": {"study": "first", "n": "010"}})",
      "b");
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(yaml->SerializeAsString().size(), json->SerializeAsString().size());
  EXPECT_EQ(yaml->DebugString(), json->DebugString());
  EXPECT_EQ(yaml->name(), "no");
  EXPECT_EQ(yaml->finetune().label_fraction(), 0.1);
  EXPECT_THAT(yaml->finetune().folds().train(), ElementsAre(1, 2));
  EXPECT_EQ(yaml->checkpoint().every().seconds(), 5400);
  EXPECT_THAT(yaml->after(), ElementsAre("job/11", "12"));
  EXPECT_EQ(yaml->labels().at("n"), "010");
}

TEST(ParseSpecTest, SizeIsLimitedAt64KiB) {
  std::string text = "name: a\n#";
  text.append(kMaxSpecBytes - text.size(), 'x');
  EXPECT_TRUE(ParseSpec(text, "s").ok());
  EXPECT_THAT(std::string(ParseSpec(text + "x", "s").status().message()),
              HasSubstr("has 65537 bytes; the limit is 65536"));
}

TEST(ParseSpecTest, DepthIsLimitedAt16) {
  const auto nested = [](int depth) {
    return "labels: " + std::string(depth - 1, '[') + std::string(depth - 1, ']');
  };
  EXPECT_THAT(std::string(ParseSpec(nested(16), "s").status().message()),
              HasSubstr("labels must be a mapping"));
  EXPECT_THAT(std::string(ParseSpec(nested(17), "s").status().message()),
              HasSubstr("nested more than 16 levels deep"));
  EXPECT_FALSE(ParseSpec(std::string(60'000, '['), "s").ok());
  EXPECT_FALSE(ParseSpec(std::string(60'000, '{'), "s").ok());
}

TEST(ParseSpecTest, MappingsAreLimitedAt1000Keys) {
  std::string text = "labels:\n";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&text, "  k", i, ": v\n");
  EXPECT_TRUE(ParseSpec(text, "s").ok());
  EXPECT_THAT(std::string(ParseSpec(text + "  more: v\n", "s").status().message()),
              HasSubstr("s:1002: more than 1,000 keys"));
}

TEST(ParseSpecsTest, TakesOneSpecificationOrABatch) {
  const auto one = ParseSpecs("seed: 5", "s");
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->at(0).seed(), 5u);
  const auto batch = ParseSpecs("jobs:\n- name: a\n- {name: b}\n", "s");
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_EQ(batch->size(), 2u);
  EXPECT_EQ(batch->at(1).name(), "b");
}

TEST(ParseSpecsTest, RefusesMalformedBatches) {
  const auto message = [](absl::string_view text) {
    return std::string(ParseSpecs(text, "s").status().message());
  };
  EXPECT_EQ(message("jobs: []"), "s:1: jobs must be a list of specifications");
  EXPECT_EQ(message("jobs: {name: a}"), "s:1: jobs must be a list of specifications");
  EXPECT_THAT(message("jobs: [{name: a}]\nseed: 1"), StartsWith("s:2: unknown key \"seed\" beside \"jobs\""));
  EXPECT_THAT(message("seed: 1\njobs: [{name: a}]"), StartsWith("s:2: unknown key \"jobs\""));
  EXPECT_THAT(message("jobs:\n- name: a\n- nmae: b\n"), StartsWith("s:3: unknown key \"nmae\""));
}

TEST(ParseSpecsTest, BatchesAreLimitedAt1000JobsAnd1MiB) {
  std::string text = "jobs:\n";
  for (int i = 0; i < 1000; ++i) text += "- {seed: 1}\n";
  EXPECT_EQ(ParseSpecs(text, "s")->size(), 1000u);
  EXPECT_THAT(std::string(ParseSpecs(text + "- {seed: 1}\n", "s").status().message()),
              HasSubstr("jobs holds 1001 specifications; the limit is 1000"));
  text += '#';
  text.append(kMaxBatchBytes - text.size(), 'x');
  EXPECT_TRUE(ParseSpecs(text, "s").ok());
  EXPECT_THAT(std::string(ParseSpecs(text + "x", "s").status().message()), HasSubstr("the limit is 1048576"));
}

v1::JobSpec With(const std::vector<std::string>& settings) {
  v1::JobSpec spec;
  for (const std::string& setting : settings) {
    const absl::Status status = ApplySetting(spec, setting);
    EXPECT_TRUE(status.ok()) << status;
  }
  return spec;
}

TEST(ApplySettingTest, SetsFieldsOfEveryType) {
  const v1::JobSpec spec = With({"name=no", "optimizer.learning_rate=3e-4", "finetune.folds.train=[1,2,3]",
                                 "finetune.freeze_encoder=true", "finetune.from=@last@best",
                                 "checkpoint.every=90s", "labels.study.a=first=b", "after=[a, b]", "seed=7"});
  EXPECT_EQ(spec.name(), "no");
  EXPECT_EQ(spec.optimizer().learning_rate(), 3e-4);
  EXPECT_THAT(spec.finetune().folds().train(), ElementsAre(1, 2, 3));
  EXPECT_TRUE(spec.finetune().freeze_encoder());
  EXPECT_EQ(spec.finetune().from(), "@last@best");
  EXPECT_EQ(spec.checkpoint().every().seconds(), 90);
  EXPECT_EQ(spec.labels().at("study.a"), "first=b");
  EXPECT_THAT(spec.after(), ElementsAre("a", "b"));
  EXPECT_EQ(spec.seed(), 7u);
}

TEST(ApplySettingTest, ReplacesListsAndSections) {
  const v1::JobSpec spec =
      With({"after=[a, b]", "after=[c]", "optimizer={name: adamw}", "optimizer={clip_norm: 2}"});
  EXPECT_THAT(spec.after(), ElementsAre("c"));
  EXPECT_FALSE(spec.optimizer().has_name());
  EXPECT_EQ(spec.optimizer().clip_norm(), 2);
}

TEST(ApplySettingTest, RefusalsNameTheSettingAndChangeNothing) {
  const Refusal refusals[] = {
      {"seed", "--set seed: write it as key=value"},
      {"=1", "--set : write it as key=value"},
      {"seed=", "--set seed: seed has no value"},
      {"seed=x", "--set seed: seed: \"x\" is not a whole number"},
      {"optimizer.learning_rat=1",
       "--set optimizer.learning_rat: unknown key \"learning_rat\" in optimizer; did you mean"},
      {"optimiser.learning_rate=1",
       "--set optimiser.learning_rate: unknown key \"optimiser\" in the specification; did you mean"},
      {"seed.x=1", "--set seed.x: seed is no section; it is a whole number"},
      {"optimizer.=1", "--set optimizer.: unknown key \"\" in optimizer"},
      {"labels.=1", "--set labels.: write labels.KEY=VALUE"},
      {"evaluate.dataset=a", "--set evaluate.dataset: \"evaluate\" beside \"pretrain\""},
      {"after=a", "--set after: after must be a list of words; write [a]"},
      {"after=[a", "--set after:1: not valid YAML"},
      {"pretrain.folds.train=[1,[2]]", "--set pretrain.folds.train:1: pretrain.folds.train[1]"}};
  v1::JobSpec spec = With({"pretrain.dataset=ptbxl", "after=[z]"});
  const std::string before = spec.SerializeAsString();
  for (const Refusal& refusal : refusals) {
    const absl::Status status = ApplySetting(spec, refusal.text);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << refusal.text;
    EXPECT_THAT(std::string(status.message()), StartsWith(refusal.message));
    EXPECT_EQ(spec.SerializeAsString(), before) << refusal.text;
  }
}

}  // namespace
}  // namespace ecgtrain
