#include "spec/spec_json.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "common/json.h"
#include "spec/resolve.h"
#include "spec/spec_parser.h"

namespace ecgtrain {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

const std::vector<std::string>& Samples() {
  static const auto* samples = new std::vector<std::string>{
      "pretrain: {dataset: synthetic}",
      "pretrain: {dataset: ptbxl, mask: {cell: 32, ratio: 0.1, draw: bernoulli, leads: independent}, loss: "
      "{region: all}}\n"
      "model: {preset: quarter, merge: add}\nschedule: {epochs: 3, max_steps: 17}\nresources: {max_time: "
      "1h5s, device: cpu}\n",
      "name: no\nfinetune: {dataset: ptbxl, task: rhythm, label_fraction: 0.30000000000000004, "
      "freeze_encoder: true}\n"
      "optimizer: {name: adamw, learning_rate: 3e-4, weight_decay: 1e-8}\nafter: [job/11, '12', other]\n"
      "labels: {z: 010, a: 'true', m: 1e5, k: null.1, n: 0x1f}\nseed: 4294967295\ncheckpoint: {every: 2d}\n",
      "finetune: {dataset: ptbxl, from: job/12@step:1200}\nmodel: {dropout: 0}",
      "evaluate: {dataset: cpsc2018, from: NAME@best, folds: {test: [1, 10]}}\npriority: low"};
  return *samples;
}

v1::JobSpec Resolved(absl::string_view text) {
  absl::StatusOr<v1::JobSpec> spec = ParseSpec(text, "sample");
  EXPECT_TRUE(spec.ok()) << spec.status() << text;
  if (!spec.ok()) return {};
  for (const v1::SpecProblem& problem : ResolveSpec(*spec)) ADD_FAILURE() << text << problem.DebugString();
  return *spec;
}

TEST(SpecTextTest, YamlAndJsonOfAResolvedSpecificationResolveToItself) {
  for (const std::string& sample : Samples()) {
    const v1::JobSpec spec = Resolved(sample);
    EXPECT_TRUE(MessageDifferencer::Equals(Resolved(SpecToYaml(spec)), spec)) << SpecToYaml(spec);
    EXPECT_TRUE(MessageDifferencer::Equals(Resolved(SpecToJson(spec)), spec)) << SpecToJson(spec);
  }
}

TEST(SpecTextTest, ResolvingTwiceChangesNothing) {
  for (const std::string& sample : Samples()) {
    v1::JobSpec spec = Resolved(sample);
    const v1::JobSpec once = spec;
    EXPECT_TRUE(ResolveSpec(spec).empty());
    EXPECT_TRUE(MessageDifferencer::Equals(spec, once)) << sample;
  }
}

TEST(SpecTextTest, JsonIsProtobufJson) {
  for (const std::string& sample : Samples()) {
    const v1::JobSpec spec = Resolved(sample);
    v1::JobSpec read;
    const auto status = google::protobuf::util::JsonStringToMessage(SpecToJson(spec), &read);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_TRUE(MessageDifferencer::Equals(read, spec)) << SpecToJson(spec);
  }
}

TEST(SpecTextTest, JsonPrintsDefaultsWithProtoNames) {
  const std::string json = SpecToJson(Resolved("pretrain: {dataset: synthetic}"));
  for (const char* part :
       {R"("learning_rate":0.001)", R"("max_steps":0)", R"("every":"600s")", R"("dropout":0.0)",
        R"("on_lost":"elsewhere")", R"("width":1.0)", R"("highpass":true)"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
  EXPECT_TRUE(ParseJson(json, "json").ok());
}

TEST(SpecTextTest, TextDoesNotDependOnTheOrderOfLabels) {
  v1::JobSpec forward;
  v1::JobSpec backward;
  for (int i = 0; i < 32; ++i) {
    (*forward.mutable_labels())[std::to_string(i)] = "v";
    (*backward.mutable_labels())[std::to_string(31 - i)] = "v";
  }
  EXPECT_EQ(SpecToJson(forward), SpecToJson(backward));
  EXPECT_EQ(SpecToYaml(forward), SpecToYaml(backward));
}

TEST(SpecTextTest, YamlIsWrittenForPeople) {
  const absl::StatusOr<v1::JobSpec> spec = ParseSpec(
      R"({"name": "a", "after": ["job/1", "2"], "labels": {"k": "no"}, "pretrain": {"dataset": "synthetic"}})",
      "s");
  EXPECT_EQ(SpecToYaml(*spec),
            "name: a\npretrain:\n  dataset: synthetic\nafter: [job/1, \"2\"]\nlabels:\n  k: \"no\"\n");
  EXPECT_EQ(SpecToYaml(v1::JobSpec()), "{}\n");
  EXPECT_EQ(SpecToYaml(*ParseSpec("checkpoint: {every: 600s}\nresources: {max_time: 2d5s}", "s")),
            "checkpoint:\n  every: 10m\nresources:\n  max_time: 48h5s\n");
}

// Damaged text must give an error or a specification that can be printed and read again, never a crash.
TEST(SpecTextTest, DamagedTextIsRefusedOrReadable) {
  std::mt19937 random(20210905);
  static constexpr char kBytes[] = "{}[]:,-\"'&*!|>%@#?~\n\t \\0e.";
  size_t readable = 0;
  for (int round = 0; round < 8000; ++round) {
    std::string text = Samples()[random() % Samples().size()];
    for (size_t change = random() % 3 + 1; change > 0; --change) {
      const size_t at = random() % (text.size() + 1);
      const char byte =
          random() % 4 == 0 ? static_cast<char>(random()) : kBytes[random() % (sizeof(kBytes) - 1)];
      if (random() % 2 == 0 && at < text.size()) {
        text[at] = byte;
      } else if (random() % 3 == 0) {
        text.erase(at, random() % 8);
      } else {
        text.insert(at, 1, byte);
      }
    }
    absl::StatusOr<v1::JobSpec> spec = ParseSpec(text, "damaged");
    if (!spec.ok()) {
      ASSERT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument) << text;
      continue;
    }
    if (!ResolveSpec(*spec).empty()) continue;
    ++readable;
    const absl::StatusOr<v1::JobSpec> again = ParseSpec(SpecToYaml(*spec), "again");
    ASSERT_TRUE(again.ok()) << again.status() << "\n" << text;
    ASSERT_TRUE(MessageDifferencer::Equals(*again, *spec)) << text;
  }
  EXPECT_GT(readable, 100u) << "the damage leaves too little to test";
}

}  // namespace
}  // namespace ecgtrain
