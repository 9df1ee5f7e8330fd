#include "spec/resolve.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "spec/spec_json.h"
#include "spec/spec_parser.h"

namespace ecgtrain {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::JobSpec Parse(absl::string_view text) {
  absl::StatusOr<v1::JobSpec> spec = ParseSpec(text, "test.yaml");
  EXPECT_TRUE(spec.ok()) << spec.status();
  return spec.ok() ? *spec : v1::JobSpec();
}

std::string Lines(const std::vector<v1::SpecProblem>& problems) {
  std::string text;
  for (const v1::SpecProblem& problem : problems)
    absl::StrAppend(&text, problem.field(), ": ", problem.description(), "\n");
  return text;
}

v1::JobSpec Resolve(absl::string_view text) {
  v1::JobSpec spec = Parse(text);
  EXPECT_EQ(Lines(ResolveSpec(spec)), "") << text;
  return spec;
}

TEST(ResolveSpecTest, PretrainingTakesThePaperDefaults) {
  const v1::JobSpec spec = Resolve("pretrain: {dataset: ptbxl}");
  EXPECT_EQ(spec.name(), "pretrain-ptbxl");
  EXPECT_THAT(spec.pretrain().folds().train(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(spec.pretrain().folds().validation(), ElementsAre(9));
  EXPECT_THAT(spec.pretrain().folds().test(), IsEmpty());
  EXPECT_EQ(spec.pretrain().signal().rate(), 400u);
  EXPECT_EQ(spec.pretrain().signal().samples(), 4096u);
  EXPECT_TRUE(spec.pretrain().signal().highpass());
  EXPECT_EQ(spec.pretrain().mask().cell(), 64u);
  EXPECT_EQ(spec.pretrain().mask().ratio(), 0.25);
  EXPECT_EQ(spec.pretrain().loss().region(), "masked");
  EXPECT_THAT(spec.model().channels(), ElementsAre(64, 128, 196, 256, 320));
  EXPECT_TRUE(spec.model().has_dropout());
  EXPECT_EQ(spec.model().dropout(), 0);
  EXPECT_EQ(spec.optimizer().learning_rate(), 0.001);
  EXPECT_EQ(spec.schedule().plateau().patience(), 7u);
  EXPECT_EQ(spec.checkpoint().every().seconds(), 600);
  EXPECT_EQ(spec.checkpoint().metric(), "validation/loss");
  EXPECT_FALSE(spec.resources().has_max_time());
}

TEST(ResolveSpecTest, FineTuningFromScratchTakesItsOwnDefaults) {
  const v1::JobSpec spec = Resolve("finetune: {dataset: ptbxl, task: form}\nmodel: {preset: tiny}");
  EXPECT_EQ(spec.name(), "finetune-ptbxl");
  EXPECT_THAT(spec.finetune().folds().test(), ElementsAre(10));
  EXPECT_EQ(spec.model().dropout(), 0.5);
  EXPECT_EQ(spec.model().head(), "flatten_linear");
  EXPECT_THAT(spec.model().channels(), ElementsAre(8, 16, 24, 32, 40));
  EXPECT_EQ(spec.finetune().signal().rate(), 100u);
  EXPECT_EQ(spec.finetune().signal().samples(), 1024u);
  EXPECT_EQ(spec.checkpoint().metric(), "validation/auroc_macro");
}

TEST(ResolveSpecTest, ProblemsLeaveTheSpecificationAsGiven) {
  v1::JobSpec spec = Parse("finetune: {dataset: ptbxl, task: rythm}");
  const v1::JobSpec given = spec;
  EXPECT_THAT(Lines(ResolveSpec(spec)), HasSubstr("did you mean \"rhythm\"?"));
  EXPECT_TRUE(MessageDifferencer::Equals(spec, given));
}

}  // namespace
}  // namespace ecgtrain
