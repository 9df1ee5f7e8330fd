#include "common/nearest_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace ecgtrain {
namespace {

const std::vector<std::string> kKeys = {"learning_rate", "batch_size", "epochs", "seed"};

TEST(NearestName, FindsASlipOfTheFingers) {
  EXPECT_EQ(NearestName("learning_rat", kKeys), "learning_rate");
  EXPECT_EQ(NearestName("Epoch", kKeys), "epochs");
}

TEST(NearestName, StaysSilentWhenNothingIsNear) { EXPECT_EQ(NearestName("zzzzzzzz", kKeys), ""); }

TEST(DidYouMean, ListsTheKnownNamesWhenNoneIsNear) {
  EXPECT_EQ(DidYouMean("zzzzzzzz", kKeys), "; known: learning_rate, batch_size, epochs, seed");
  EXPECT_EQ(DidYouMean("sed", kKeys), "; did you mean \"seed\"?");
}

TEST(DidYouMean, NamesOfMegabytesAreCutAndCostNothing) {
  const std::vector<std::string> names = {std::string(32 << 20, 'x'), "seed"};
  EXPECT_LT(DidYouMean("zzzzzzzz", names).size(), 200u);
  EXPECT_EQ(DidYouMean("sed", names), "; did you mean \"seed\"?");
}

}  // namespace
}  // namespace ecgtrain
