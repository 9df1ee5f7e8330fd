#include "worker/model/u_resnet.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "worker/model/classifier.h"
#include "worker/model/model_table.h"

namespace ecgtrain {
namespace {

ModelConfig Tiny() {
  ModelConfig config;
  EXPECT_TRUE(ApplyPreset("tiny", config).ok());
  config.samples = 512;
  config.classes = 5;
  return config;
}

at::Tensor Input(int64_t records, int64_t samples) {
  at::manual_seed(3);
  return at::randn({records, kModelLeads, 1, samples}).contiguous(at::MemoryFormat::ChannelsLast);
}

TEST(UResNet, PaperHasTheParametersOfThePeer) {
  const UResNet network(ModelConfig(), {});
  EXPECT_EQ(network.weights().ParameterCount(), 18'486'720);
}

TEST(UResNet, PresetsRoundChannelsToMultiplesOfEight) {
  EXPECT_EQ(ScaledChannels(0.25), (ModelChannels{16, 32, 48, 64, 80}));
  EXPECT_EQ(ScaledChannels(0.125), (ModelChannels{8, 16, 24, 32, 40}));
  EXPECT_EQ(ScaledChannels(1), (ModelChannels{64, 128, 196, 256, 320}));
  EXPECT_EQ(ScaledChannels(0.01), (ModelChannels{8, 8, 8, 8, 8}));
}

TEST(UResNet, KeepsTheShapeForEveryMergeAndUpsampling) {
  const at::Tensor x = Input(2, 512);
  for (const Merge merge : {Merge::kConcat, Merge::kAdd}) {
    for (const auto upsample :
         {SkipUpsample::kNearest, SkipUpsample::kTransposedK4, SkipUpsample::kTransposedK1}) {
      for (const int64_t kernel : {5, 17}) {
        ModelConfig config = Tiny();
        config.merge = merge;
        config.skip_upsample = upsample;
        config.kernel_size = kernel;
        const UResNet network(config, {});
        EXPECT_EQ(network.Forward(x, {.training = true}).sizes(), x.sizes())
            << MergeName(merge) << " " << SkipUpsampleName(upsample) << " " << kernel;
      }
    }
  }
}

TEST(UResNet, SameSeedGivesSameWeights) {
  const UResNet a(Tiny(), {.seed = 4});
  const UResNet b(Tiny(), {.seed = 4});
  const UResNet c(Tiny(), {.seed = 5});
  EXPECT_TRUE(a.weights().Canonical()[0].tensor.equal(b.weights().Canonical()[0].tensor));
  EXPECT_FALSE(a.weights().Canonical()[0].tensor.equal(c.weights().Canonical()[0].tensor));
}

TEST(UResNet, BfloatNetworkAgreesWithFloatWithinItsPrecision) {
  const UResNet exact(Tiny(), {.seed = 4});
  const UResNet coarse(Tiny(), {.seed = 4, .bfloat16 = true});
  const at::Tensor x = Input(2, 512);
  const at::Tensor expected = exact.Forward(x, {.training = true});
  const at::Tensor actual = coarse.Forward(x.to(at::kBFloat16), {.training = true});
  EXPECT_EQ(actual.scalar_type(), at::kBFloat16);
  EXPECT_LT((actual.to(at::kFloat) - expected).norm().item<double>() / expected.norm().item<double>(), 0.05);
}

TEST(Classifier, GivesALogitForEachClassWithEitherHead) {
  for (const auto head : {ClassifierHead::kFlattenLinear, ClassifierHead::kMeanMaxPool}) {
    ModelConfig config = Tiny();
    config.head = head;
    const Classifier network(config, {});
    EXPECT_EQ(network.Forward(Input(3, 512), {}).sizes(), (std::vector<int64_t>{3, 5}));
  }
}

TEST(Classifier, SharesEncoderNamesAndInitialValuesWithPretraining) {
  const Classifier classifier(Tiny(), {.seed = 1});
  UResNet pretraining(Tiny(), {.seed = 2});
  ASSERT_TRUE(pretraining.weights().Load(classifier.weights().Canonical(), Encoder::Prefixes()).ok());
  const auto taken = pretraining.weights().Canonical();
  const auto given = classifier.weights().Canonical();
  EXPECT_EQ(taken[0].name, "stem.conv.weight");
  EXPECT_TRUE(taken[0].tensor.equal(given[0].tensor));
}

TEST(Classifier, FrozenEncoderKeepsItsStatisticsAndGetsNoGradient) {
  Classifier network(Tiny(), {});
  network.FreezeEncoder();
  const auto before = network.weights().Canonical();
  const at::Tensor logits = network.Forward(Input(3, 512), {.training = true, .dropout = 0.5});
  logits.sum().backward();
  const auto after = network.weights().Canonical();
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_TRUE(before[i].tensor.equal(after[i].tensor)) << before[i].name;
  ASSERT_EQ(network.weights().parameters().size(), 2u);
  EXPECT_EQ(network.weights().parameters()[0].name, "classifier.weight");
  EXPECT_TRUE(network.weights().parameters()[0].working.grad().defined());
}

TEST(ModelTable, RefusesUnknownNamesAndImpossibleSizes) {
  ModelConfig config = Tiny();
  config.name = "u_resnot";
  EXPECT_EQ(MakePretrainingNetwork(config, {}).status().message(),
            "model.name: no model \"u_resnot\"; did you mean \"u_resnet\"?");
  config = Tiny();
  config.samples = 500;
  EXPECT_EQ(MakePretrainingNetwork(config, {}).status().code(), absl::StatusCode::kInvalidArgument);
  config = Tiny();
  config.kernel_size = 16;
  EXPECT_EQ(MakePretrainingNetwork(config, {}).status().code(), absl::StatusCode::kInvalidArgument);
  config = Tiny();
  config.classes = 0;
  EXPECT_EQ(MakeClassifier(config, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ecgtrain
