// Our network, losses and optimizer against the Python peer, on committed files of a tiny model
// (tests/training/make_parity_fixtures.py). Paper widths: parity_main.
#include "tests/training/parity.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace ecgtrain {
namespace {

std::filesystem::path Fixtures() {
  return std::filesystem::path(getenv("ECGTRAIN_SOURCE_DIR")) / "tests/training/fixtures/parity";
}

class ParityTest : public testing::TestWithParam<const char*> {};

TEST_P(ParityTest, AgreesWithThePeerOverTwentySteps) {
  at::set_num_threads(1);
  const auto result = ComparePeer(Fixtures(), GetParam());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LT(result->first_loss, kFirstLossLimit);
  EXPECT_LT(result->gradient_norm, kGradientNormLimit) << result->worst_gradient;
  EXPECT_LT(result->later_loss, kLaterLossLimit);
}

INSTANTIATE_TEST_SUITE_P(Tasks, ParityTest, testing::Values("pretrain", "finetune"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace ecgtrain
