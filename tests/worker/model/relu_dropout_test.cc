#include "worker/model/relu_dropout.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ecgtrain {
namespace {

class ReluDropoutTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  at::Tensor Input() {
    at::manual_seed(1);
    return at::randn({3, 5, 1, 2001}).contiguous(at::MemoryFormat::ChannelsLast).to(GetParam());
  }
};

TEST_P(ReluDropoutTest, DropsTheShareAndScalesTheRest) {
  const at::Tensor x = at::ones({100'000}, GetParam());
  const at::Tensor y = ReluDropout(x, 0.2, 7);
  EXPECT_NEAR(y.gt(0).to(at::kFloat).mean().item<double>(), 0.8, 0.006);
  EXPECT_TRUE(y.eq(0).logical_or(y.eq(x * 1.25)).all().item<bool>());
}

TEST_P(ReluDropoutTest, GradientIsThatOfReluTimesTheMask) {
  const at::Tensor x = Input().set_requires_grad(true);
  const at::Tensor y = ReluDropout(x, 0.5, 7);
  const at::Tensor upstream = at::randn(y.sizes()).to(GetParam());  // another layout than y
  y.backward(upstream);
  EXPECT_TRUE(y.detach().eq(x.detach().relu() * 2).logical_or(y.detach().eq(0)).all().item<bool>());
  EXPECT_TRUE(x.grad().equal(y.detach().gt(0).to(GetParam()) * 2 * upstream));
}

TEST_P(ReluDropoutTest, MaskIsAFunctionOfTheKeyAlone) {
  const at::Tensor x = Input();
  at::set_num_threads(2);
  const at::Tensor two_threads = ReluDropout(x, 0.5, 7);
  at::set_num_threads(1);
  EXPECT_TRUE(ReluDropout(x, 0.5, 7).equal(two_threads));
  EXPECT_FALSE(ReluDropout(x, 0.5, 8).equal(two_threads));
}

TEST_P(ReluDropoutTest, LetsNotANumberThrough) {
  const at::Tensor x = at::full({1000}, std::nan(""), GetParam());
  EXPECT_GT(ReluDropout(x, 0.5, 1).isnan().sum().item<int64_t>(), 400);
}

TEST_P(ReluDropoutTest, WithoutDropoutIsRelu) {
  const at::Tensor x = Input();
  EXPECT_TRUE(ReluDropout(x, 0, 7).equal(x.relu()));
}

INSTANTIATE_TEST_SUITE_P(Types, ReluDropoutTest, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& info) { return std::string(at::toString(info.param)); });

}  // namespace
}  // namespace ecgtrain
