// Our network, losses and optimizer against the Python peer, on committed files of a tiny model
// (tests/training/make_parity_fixtures.py). Paper widths: parity_main.
#include "tests/training/parity.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <tuple>

namespace ecgtrain {
namespace {

std::filesystem::path Fixtures() {
  return std::filesystem::path(getenv("ECGTRAIN_SOURCE_DIR")) / "tests/training/fixtures/parity";
}

class ParityTest : public testing::TestWithParam<std::tuple<const char*, at::MemoryFormat>> {};

TEST_P(ParityTest, AgreesWithThePeerOverTwentySteps) {
  at::set_num_threads(1);
  const auto result = ComparePeer(Fixtures(), std::get<0>(GetParam()), std::get<1>(GetParam()));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LT(result->first_loss, kFirstLossLimit);
  EXPECT_LT(result->gradient_norm, kGradientNormLimit) << result->worst_gradient;
  EXPECT_LT(result->later_loss, kLaterLossLimit);
}

INSTANTIATE_TEST_SUITE_P(Tasks, ParityTest,
                         testing::Combine(testing::Values("pretrain", "finetune"),
                                          testing::Values(at::MemoryFormat::Contiguous,
                                                          at::MemoryFormat::ChannelsLast)),
                         [](const auto& info) {
                           const bool reference = std::get<1>(info.param) == at::MemoryFormat::Contiguous;
                           return std::string(std::get<0>(info.param)) +
                                  (reference ? "Conv1d" : "ChannelsLast");
                         });

}  // namespace
}  // namespace ecgtrain
