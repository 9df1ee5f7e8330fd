#include "worker/train/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "worker/train/step_meter.h"

namespace ecgtrain {
namespace {

// One Adam step on a single weight, by hand.
TEST(Optimizer, FirstStepMovesByTheLearningRateAgainstTheSign) {
  Weights weights({.seed = 1});
  const at::Tensor w = weights.AddWeight("w", {1, 2}, 2);
  const at::Tensor before = w.detach().clone();
  Optimizer optimizer(weights, {.clip_norm = 0});
  const at::Tensor loss = (w * at::tensor({3.0f, -0.5f})).sum();
  loss.backward();
  EXPECT_NEAR(optimizer.Step(0.1, loss.detach()).item<double>(), std::hypot(3, 0.5), 1e-6);
  const at::Tensor moved = w.detach() - before;
  EXPECT_NEAR(moved[0][0].item<double>(), -0.1, 1e-6);
  EXPECT_NEAR(moved[0][1].item<double>(), 0.1, 1e-6);
}

TEST(Optimizer, ClippingScalesTheWholeGradient) {
  const auto first_moment = [](double clip_norm, double factor) {
    Weights weights({.seed = 1});
    const at::Tensor w = weights.AddWeight("w", {1, 2}, 2);
    Optimizer optimizer(weights, {.clip_norm = clip_norm});
    const at::Tensor loss = (w * at::tensor({3.0f, 4.0f})).sum() * factor;
    loss.backward();
    optimizer.Step(0.1, loss.detach());
    return optimizer.State()[1].tensor[0][0].item<double>();
  };
  EXPECT_NEAR(first_moment(0, 1), 0.3, 1e-6);
  EXPECT_NEAR(first_moment(1, 1), 0.3 / 5, 1e-6);
  EXPECT_NEAR(first_moment(1, 100), 0.3 / 5, 1e-6);
  EXPECT_NEAR(first_moment(10, 1), 0.3, 1e-6);
}

TEST(Optimizer, AStepThatIsNotFiniteChangesNothing) {
  Weights weights({.seed = 1});
  const at::Tensor w = weights.AddWeight("w", {1, 2}, 2);
  Optimizer optimizer(weights, {});
  StepMeter meter(at::kCPU);
  const at::Tensor before = w.detach().clone();
  const auto step = [&](double factor) {
    optimizer.ClearGradients();
    const at::Tensor loss = w.sum() * factor;
    loss.backward();
    const at::Tensor norm = optimizer.Step(0.1, loss.detach());
    meter.Add(loss.detach(), norm, optimizer.skipped());
  };
  step(std::nan(""));
  step(INFINITY);
  EXPECT_TRUE(w.detach().equal(before));
  EXPECT_EQ(optimizer.State()[0].tensor.item<double>(), 0);  // steps
  EXPECT_EQ(meter.Read().skipped_run, 2u);
  step(1);
  step(std::nan(""));
  EXPECT_FALSE(w.detach().equal(before));
  EXPECT_EQ(meter.Read().skipped, 3u);
  EXPECT_EQ(meter.Read().skipped_run, 2u);
  meter.Clear();
  EXPECT_EQ(meter.Read().skipped_run, 1u);  // the run goes on over the interval's end
}

TEST(Optimizer, BfloatWeightsFollowTheirFp32Masters) {
  Weights weights({.seed = 1, .bfloat16 = true});
  const at::Tensor w = weights.AddWeight("w", {3, 2, 5}, 10);
  Optimizer optimizer(weights, {});
  for (int i = 0; i < 3; ++i) {
    optimizer.ClearGradients();
    const at::Tensor loss = w.square().sum();
    loss.backward();
    optimizer.Step(1e-4, loss.detach());
  }
  const at::Tensor master = weights.parameters()[0].master;
  EXPECT_TRUE(w.detach().equal(master.to(at::kBFloat16)));
  EXPECT_FALSE(master.equal(w.detach().to(at::kFloat)));  // steps smaller than bf16 can hold are kept
}

TEST(Optimizer, StateRoundTrips) {
  const auto make = [](Weights& weights) { weights.AddWeight("c", {4, 3, 5}, 15); };
  Weights one({.seed = 1});
  Weights two({.seed = 1});
  make(one);
  make(two);
  Optimizer first(one, {.decoupled_weight_decay = true, .weight_decay = 0.1});
  Optimizer second(two, {.decoupled_weight_decay = true, .weight_decay = 0.1});
  const auto step = [](Weights& weights, Optimizer& optimizer) {
    optimizer.ClearGradients();
    const at::Tensor loss = weights.parameters()[0].working.pow(3).sum();
    loss.backward();
    optimizer.Step(0.01, loss.detach());
  };
  step(one, first);
  ASSERT_TRUE(two.Load(one.Canonical()).ok());
  ASSERT_TRUE(second.Load(first.State()).ok());
  step(one, first);
  step(two, second);
  EXPECT_TRUE(one.Canonical()[0].tensor.equal(two.Canonical()[0].tensor));
  EXPECT_FALSE(second.Load({}).ok());
}

}  // namespace
}  // namespace ecgtrain
