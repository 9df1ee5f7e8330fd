#include "worker/model/weights.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace ecgtrain {
namespace {

TEST(Weights, RoundTripsThroughCanonicalShapes) {
  Weights source({.seed = 1});
  source.AddWeight("a.weight", {4, 3, 5}, 15);
  source.AddBuffer("a.running_mean", 4, 0.25);
  Weights target({.seed = 2});
  const at::Tensor working = target.AddWeight("a.weight", {4, 3, 5}, 15);
  target.AddBuffer("a.running_mean", 4, 0);
  EXPECT_EQ(working.sizes(), (std::vector<int64_t>{4, 3, 1, 5}));
  EXPECT_TRUE(working.is_contiguous(at::MemoryFormat::ChannelsLast));

  const auto state = source.Canonical();
  EXPECT_EQ(state[0].tensor.sizes(), (std::vector<int64_t>{4, 3, 5}));
  ASSERT_TRUE(target.Load(state).ok());
  EXPECT_TRUE(working.detach().squeeze(2).equal(state[0].tensor));
  EXPECT_TRUE(target.Canonical()[1].tensor.equal(state[1].tensor));
}

TEST(Weights, RefusesAStateThatDoesNotFitAndChangesNothing) {
  Weights weights({.seed = 1});
  weights.AddWeight("a.weight", {4, 3, 5}, 15);
  weights.AddWeight("b.weight", {2, 2}, 2);
  const auto before = weights.Canonical();
  const std::vector<NamedTensor> missing = {{"a.weight", at::zeros({4, 3, 5})}};
  EXPECT_EQ(weights.Load(missing).message(), "tensor b.weight is missing");
  const std::vector<NamedTensor> wrong = {{"a.weight", at::zeros({4, 3, 5})},
                                          {"b.weight", at::zeros({2, 3})}};
  EXPECT_EQ(weights.Load(wrong).message(), "tensor b.weight has shape [2, 3], the model needs [2, 2]");
  EXPECT_TRUE(weights.Canonical()[0].tensor.equal(before[0].tensor));
}

TEST(Weights, BfloatCopiesFollowTheirMasters) {
  Weights weights({.seed = 1, .bfloat16 = true});
  const at::Tensor working = weights.AddWeight("a.weight", {4, 3, 5}, 15);
  const at::Tensor norm = weights.AddNormParameter("bn.weight", 4, 1);
  EXPECT_EQ(working.scalar_type(), at::kBFloat16);
  EXPECT_EQ(norm.scalar_type(), at::kFloat);
  weights.parameters()[0].master.fill_(0.5);
  weights.RefreshWorking();
  EXPECT_TRUE(working.detach().eq(0.5).all().item<bool>());
}

}  // namespace
}  // namespace ecgtrain
