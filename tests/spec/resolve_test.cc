#include "spec/resolve.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <limits>
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
using ::testing::StartsWith;

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

TEST(ResolveSpecTest, NothingIsAugmentedUnlessAskedFor) {
  const v1::JobSpec spec = Resolve("finetune: {dataset: a, augment: {noise: 0.05}}");
  EXPECT_EQ(spec.finetune().augment().noise(), 0.05);
  EXPECT_EQ(spec.finetune().signal().align(), "middle");
  const v1::JobSpec plain = Resolve("pretrain: {dataset: a}");
  for (const v1::AugmentSpec& augment : {spec.finetune().augment(), plain.pretrain().augment()}) {
    EXPECT_TRUE(augment.has_crop());
    EXPECT_FALSE(augment.crop());
    EXPECT_TRUE(augment.has_gain());
    EXPECT_EQ(augment.gain() + augment.wander() + augment.lead_drop(), 0);
  }
  EXPECT_TRUE(plain.pretrain().augment().has_noise());
  EXPECT_EQ(plain.pretrain().augment().noise(), 0);
  EXPECT_THAT(
      ParseSpec("evaluate: {dataset: a, from: 1@best, augment: {crop: true}}", "a").status().message(),
      HasSubstr("unknown key \"augment\" in evaluate"));
}

TEST(ResolveSpecTest, ProblemsLeaveTheSpecificationAsGiven) {
  v1::JobSpec spec = Parse("finetune: {dataset: ptbxl, task: rythm}");
  const v1::JobSpec given = spec;
  EXPECT_THAT(Lines(ResolveSpec(spec)), HasSubstr("did you mean \"rhythm\"?"));
  EXPECT_TRUE(MessageDifferencer::Equals(spec, given));
}

TEST(ResolveSpecTest, WidthsRoundToMultiplesOfEight) {
  EXPECT_THAT(ChannelsForWidth(1), ElementsAre(64, 128, 196, 256, 320));
  EXPECT_THAT(ChannelsForWidth(0.25), ElementsAre(16, 32, 48, 64, 80));
  EXPECT_THAT(ChannelsForWidth(0.125), ElementsAre(8, 16, 24, 32, 40));
  EXPECT_THAT(ChannelsForWidth(0.01), ElementsAre(8, 8, 8, 8, 8));
  EXPECT_THAT(ChannelsForWidth(0.5), ElementsAre(32, 64, 96, 128, 160));
  EXPECT_THAT(ChannelsForWidth(2), ElementsAre(128, 256, 392, 512, 640));
}

TEST(ResolveSpecTest, GivenChannelsAndWidthsWinOverThePreset) {
  EXPECT_THAT(
      Resolve("pretrain: {dataset: a}\nmodel: {preset: tiny, channels: [8, 8, 8, 8, 9]}").model().channels(),
      ElementsAre(8, 8, 8, 8, 9));
  const v1::JobSpec spec = Resolve("pretrain: {dataset: a}\nmodel: {preset: tiny, width: 0.5}");
  EXPECT_THAT(spec.model().channels(), ElementsAre(32, 64, 96, 128, 160));
  EXPECT_EQ(spec.pretrain().signal().rate(), 100u);
}

TEST(ResolveSpecTest, MaskCellsLast160Milliseconds) {
  EXPECT_EQ(Resolve("pretrain: {dataset: a, signal: {rate: 100, samples: 1024}}").pretrain().mask().cell(),
            16u);
  EXPECT_EQ(
      Resolve("pretrain: {dataset: a, signal: {rate: 400}}\nmodel: {preset: tiny}").pretrain().mask().cell(),
      64u);
}

struct Problem {
  std::string text;
  // "field: description" begins with it.
  std::string line;
};
void PrintTo(const Problem& problem, std::ostream* out) { *out << problem.text; }

class SpecProblemTest : public ::testing::TestWithParam<Problem> {};

TEST_P(SpecProblemTest, IsTheOnlyProblemAndNamesItsField) {
  v1::JobSpec spec = Parse(GetParam().text);
  const std::vector<v1::SpecProblem> problems = ResolveSpec(spec);
  ASSERT_EQ(problems.size(), 1u) << Lines(problems);
  EXPECT_THAT(Lines(problems), StartsWith(GetParam().line));
}

INSTANTIATE_TEST_SUITE_P(
    Values, SpecProblemTest,
    ::testing::Values(
        Problem{"seed: 1", "pretrain: the kind of job is missing"},
        Problem{"pretrain: {}", "pretrain.dataset: is missing"},
        Problem{"pretrain: {dataset: a/b}", "pretrain.dataset: \"a/b\" names no data set"},
        Problem{"evaluate: {dataset: a}", "evaluate.from: is missing"},
        Problem{"{name: 'a b', pretrain: {dataset: a}}", "name: \"a b\" must hold letters"},
        Problem{"{name: 123, pretrain: {dataset: a}}", "name: \"123\" would be read as a job number"},
        Problem{"{optimizer: {name: adm}, pretrain: {dataset: a}}",
                "optimizer.name: \"adm\" is not one of adam, adamw; did you mean \"adam\"?"},
        Problem{"{optimizer: {learning_rate: 0}, pretrain: {dataset: a}}",
                "optimizer.learning_rate: must be 1e-08 to 10, not 0"},
        Problem{"{resources: {gpus: 2}, pretrain: {dataset: a}}", "resources.gpus: must be 1, not 2"},
        Problem{"{retry: {user: 101}, pretrain: {dataset: a}}", "retry.user: must be at most 100, not 101"},
        Problem{"{checkpoint: {every: 0s}, pretrain: {dataset: a}}",
                "checkpoint.every: must be 1 to 604800 seconds, not 0"},
        Problem{"{checkpoint: {every: 1500ms}, pretrain: {dataset: a}}",
                "checkpoint.every: must be whole seconds"},
        Problem{"pretrain: {dataset: a, folds: {train: [0]}}",
                "pretrain.folds.train[0]: must be 1 to 10, not 0"},
        Problem{"finetune: {dataset: a, label_fraction: 1.5}",
                "finetune.label_fraction: must be 0.001 to 1, not 1.5"},
        Problem{"pretrain: {dataset: a, augment: {gain: 1}}",
                "pretrain.augment.gain: must be 0 to 0.9, not 1"},
        Problem{"pretrain: {dataset: a, augment: {noise: -1}}",
                "pretrain.augment.noise: must be 0 to 10, not -1"},
        Problem{"finetune: {dataset: a, augment: {wander: 11}}",
                "finetune.augment.wander: must be 0 to 10, not 11"},
        Problem{"finetune: {dataset: a, augment: {lead_drop: 1}}",
                "finetune.augment.lead_drop: must be 0 to 0.9, not 1"},
        Problem{"finetune: {dataset: a, signal: {align: end}}",
                "finetune.signal.align: \"end\" is not one of middle, start"},
        Problem{"{labels: {-a: b}, pretrain: {dataset: a}}", "labels.-a: a label's key"},
        Problem{"{labels: {a: 'b c'}, pretrain: {dataset: a}}", "labels.a: a label's value"},
        Problem{"{labels: {a: ''}, pretrain: {dataset: a}}", "labels.a: a label's value"}));

INSTANTIATE_TEST_SUITE_P(
    Together, SpecProblemTest,
    ::testing::Values(
        Problem{"finetune: {dataset: a, folds: {test: [8]}}",
                "finetune.folds.test: holds fold 8, which stands in train [1, 2, 3, 4, 5, 6, 7, 8] too"},
        Problem{"finetune: {dataset: a, folds: {train: [9]}}",
                "finetune.folds.validation: holds fold 9, which stands in train [9] too"},
        Problem{"finetune: {dataset: a, folds: {train: [1, 1]}}", "finetune.folds.train: holds fold 1 twice"},
        Problem{"pretrain: {dataset: a, folds: {test: [10]}}",
                "pretrain.folds.test: a pretraining uses no test fold"},
        Problem{"evaluate: {dataset: a, from: 1@best, folds: {train: [1]}}",
                "evaluate.folds: an evaluation uses test folds only"},
        Problem{"finetune: {dataset: a, signal: {samples: 1000}}",
                "finetune.signal.samples: must be a multiple of 256, not 1000"},
        Problem{"finetune: {dataset: a, signal: {rate: 200}}",
                "finetune.signal.rate: must be 100 or 400, not 200"},
        Problem{"pretrain: {dataset: a, mask: {cell: 60}}",
                "pretrain.mask.cell: 60 does not divide signal.samples 4096"},
        Problem{"pretrain: {dataset: a, mask: {cell: 4096}}",
                "pretrain.mask.ratio: 0.25 of 1 cells masks none"},
        Problem{"{model: {kernel_size: 16}, pretrain: {dataset: a}}",
                "model.kernel_size: must be odd, not 16"},
        Problem{"{model: {channels: [8, 8]}, pretrain: {dataset: a}}", "model.channels: must be 5 numbers"},
        Problem{"{model: {channels: [8, 8, 8, 8, 8], width: 1}, pretrain: {dataset: a}}",
                "model.channels: [8, 8, 8, 8, 8] is not what width 1 gives"},
        Problem{"{checkpoint: {metric: validation/auroc_macro}, pretrain: {dataset: a}}",
                "checkpoint.metric: a pretraining has no labels and so no validation/auroc_macro"},
        Problem{"{allow_leakage: true, pretrain: {dataset: a}}",
                "allow_leakage: a pretraining tests nobody; leave it out"},
        Problem{"{precision: tf32, pretrain: {dataset: a}}",
                "precision: tf32 needs resources.device gpu, not any"},
        Problem{"finetune: {dataset: synthetic, task: form}",
                "finetune.task: the synthetic data set has the tasks all and rhythm only"},
        Problem{"{after: [job/0], pretrain: {dataset: a}}", "after[0]: \"job/0\" names no job"},
        Problem{"{after: ['@last'], pretrain: {dataset: a}}",
                "after[0]: \"@last\" means another job every time"},
        Problem{"{name: b, after: [a, b], pretrain: {dataset: a}}", "after[1]: \"b\" is this job itself"},
        Problem{"finetune: {dataset: a, from: job/12}", "finetune.from: \"job/12\" names no checkpoint"},
        Problem{"finetune: {dataset: a, from: '@last@best'}",
                "finetune.from: \"@last\" means another job every time"},
        Problem{"{finetune: {dataset: a, from: 12@best}, model: {preset: tiny}}",
                "model: a job with finetune.from takes its model from there"},
        Problem{"{evaluate: {dataset: a, from: 12@best}, model: {dropout: 0}}",
                "model: an evaluation takes its model from evaluate.from"},
        Problem{"{evaluate: {dataset: a, from: 12@best}, optimizer: {learning_rate: 0.1}}",
                "optimizer.learning_rate: an evaluation trains nothing; leave it out"},
        Problem{"{evaluate: {dataset: a, from: 12@best}, schedule: {batch_size: 8, epochs: 2}}",
                "schedule.epochs: an evaluation trains nothing; leave it out"},
        Problem{"{evaluate: {dataset: a, from: 12@best}, schedule: {plateau: {patience: 2}}}",
                "schedule.plateau: an evaluation trains nothing; leave it out"},
        Problem{"{evaluate: {dataset: a, from: 12@best}, checkpoint: {keep_last: 3}}",
                "checkpoint.keep_last: an evaluation trains nothing; leave it out"}));

TEST(ResolveSpecTest, AnEvaluationHasABatchSizeAndNothingElseOfATraining) {
  v1::JobSpec spec = Resolve("evaluate: {dataset: a, from: 12@best}\nschedule: {batch_size: 8}");
  EXPECT_EQ(spec.schedule().batch_size(), 8u);
  EXPECT_FALSE(spec.schedule().has_epochs());
  EXPECT_FALSE(spec.has_optimizer());
  EXPECT_FALSE(spec.has_checkpoint());
  const v1::JobSpec resolved = spec;
  EXPECT_EQ(Lines(ResolveSpec(spec)), "");
  EXPECT_TRUE(MessageDifferencer::Equals(spec, resolved));
  EXPECT_EQ(Resolve("evaluate: {dataset: a, from: 12@best}").schedule().batch_size(), 64u);
}

TEST(ResolveSpecTest, ReportsAllProblemsAtOnce) {
  v1::JobSpec spec = Parse(
      "{seed: 1, priority: hihg, precision: tf32, finetune: {dataset: synthetic, task: form, folds: {test: "
      "[1]}}}");
  EXPECT_EQ(ResolveSpec(spec).size(), 4u);
}

TEST(ResolveSpecTest, TextIsLimitedInItsSize) {
  const auto problems = [](size_t name, size_t key, size_t value, size_t labels, size_t after) {
    v1::JobSpec spec = Parse("pretrain: {dataset: a}");
    spec.set_name(std::string(name, 'n'));
    for (size_t i = 0; i < labels; ++i) (*spec.mutable_labels())[absl::StrCat("k", i)] = "v";
    (*spec.mutable_labels())[std::string(key, 'k')] = std::string(value, 'v');
    for (size_t i = 0; i < after; ++i) spec.add_after("job/1");
    return ResolveSpec(spec).size();
  };
  EXPECT_EQ(problems(128, 63, 128, 31, 64), 0u);
  EXPECT_EQ(problems(129, 63, 128, 31, 64), 1u);
  EXPECT_EQ(problems(128, 64, 128, 31, 64), 1u);
  EXPECT_EQ(problems(128, 63, 129, 31, 64), 1u);
  EXPECT_EQ(problems(128, 63, 128, 32, 64), 1u);
  EXPECT_EQ(problems(128, 63, 128, 31, 65), 1u);
}

TEST(ResolveSpecTest, RefusesWhatOnlyAMessageCanHold) {
  v1::JobSpec spec = Parse("pretrain: {dataset: a}");
  spec.mutable_optimizer()->set_learning_rate(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(Lines(ResolveSpec(spec)), StartsWith("optimizer.learning_rate: must be 1e-08 to 10, not nan"));
  spec = Parse("pretrain: {dataset: a}");
  spec.mutable_pretrain()
      ->mutable_mask()
      ->GetReflection()
      ->MutableUnknownFields(spec.mutable_pretrain()->mutable_mask())
      ->AddVarint(999, 1);
  EXPECT_THAT(Lines(ResolveSpec(spec)),
              StartsWith("pretrain.mask: holds settings that this version does not know"));
  spec = Parse("pretrain: {dataset: a}");
  spec.set_name(std::string(70'000, 'n'));
  EXPECT_THAT(Lines(ResolveSpec(spec)), HasSubstr("the limit is 65536"));
}

TEST(InheritModelTest, ChildTakesModelAndSignalAndKeepsItsOwn) {
  const v1::JobSpec parent = Resolve(
      "pretrain: {dataset: a, signal: {highpass: false, align: start}, augment: {crop: true}}\nmodel: "
      "{preset: tiny, kernel_size: 9}");
  v1::JobSpec child = Resolve("finetune: {dataset: a, from: job/1@best}");
  EXPECT_FALSE(child.model().has_preset());
  EXPECT_FALSE(child.finetune().signal().has_highpass());
  InheritModel(parent, child);
  EXPECT_EQ(child.model().kernel_size(), 9u);
  EXPECT_EQ(child.model().dropout(), 0.5);
  EXPECT_THAT(child.model().channels(), ElementsAre(8, 16, 24, 32, 40));
  EXPECT_EQ(child.finetune().signal().rate(), 100u);
  EXPECT_TRUE(child.finetune().signal().has_highpass());
  EXPECT_FALSE(child.finetune().signal().highpass());
  EXPECT_EQ(child.finetune().signal().align(), "start");
  EXPECT_FALSE(child.finetune().augment().crop());  // of a training, not of what it makes
  v1::JobSpec own = Resolve("finetune: {dataset: a, from: job/1@best, signal: {align: middle}}");
  InheritModel(parent, own);
  EXPECT_EQ(own.finetune().signal().align(), "middle");

  v1::JobSpec evaluation = Resolve("evaluate: {dataset: a, from: ft@last, signal: {samples: 2048}}");
  EXPECT_FALSE(evaluation.has_model());
  InheritModel(child, evaluation);
  EXPECT_EQ(evaluation.model().dropout(), 0.5);
  EXPECT_EQ(evaluation.evaluate().signal().samples(), 2048u);
  EXPECT_EQ(evaluation.evaluate().signal().rate(), 100u);
}

TEST(InheritModelTest, ClearedChildrenResolveAndInheritTheSameAgain) {
  const v1::JobSpec parent = Resolve("pretrain: {dataset: a}\nmodel: {preset: quarter}");
  for (const absl::string_view text : {"{finetune: {dataset: a, from: 1@best}, model: {dropout: 0.1}}",
                                       "evaluate: {dataset: a, from: 1@best}"}) {
    v1::JobSpec child = Resolve(text);
    InheritModel(parent, child);
    v1::JobSpec again = child;
    ClearInheritedModel(again);
    EXPECT_EQ(Lines(ResolveSpec(again)), "");
    InheritModel(parent, again);
    EXPECT_TRUE(MessageDifferencer::Equals(again, child));
  }
}

TEST(InheritModelTest, JobsWithoutAParentStayAsTheyAre) {
  const v1::JobSpec parent = Resolve("pretrain: {dataset: a}\nmodel: {preset: tiny}");
  v1::JobSpec child = Resolve("finetune: {dataset: a}");
  const v1::JobSpec before = child;
  InheritModel(parent, child);
  ClearInheritedModel(child);
  EXPECT_TRUE(MessageDifferencer::Equals(child, before));
}

}  // namespace
}  // namespace ecgtrain
