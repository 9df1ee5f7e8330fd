#include "worker/agent/trainer_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace ecgtrain {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

class TrainerCommandTest : public testing::Test {
 protected:
  void SetUp() override { Clear(); }
  void TearDown() override { Clear(); }
  static void Clear() {
    unsetenv("OMP_WAIT_POLICY");
    unsetenv("GOMP_SPINCOUNT");
  }
  static std::vector<std::string> Environment() {
    v1::AttemptRef attempt;
    attempt.set_job_id(1);
    const AttemptDirectory directory("/tmp", attempt);
    return TrainerCommand("/bin/true", directory, {.kind = "cpu", .threads = 3}, 2).environment;
  }
};

TEST_F(TrainerCommandTest, LimitsHowLongThreadsSpin) {
  EXPECT_THAT(Environment(), Contains("GOMP_SPINCOUNT=1000"));
  EXPECT_THAT(Environment(), Contains("OMP_NUM_THREADS=3"));
}

TEST_F(TrainerCommandTest, TheWorkersOwnSettingWins) {
  setenv("OMP_WAIT_POLICY", "active", 1);
  EXPECT_THAT(Environment(), Contains("OMP_WAIT_POLICY=active"));
  EXPECT_THAT(Environment(), Not(Contains(StartsWith("GOMP_SPINCOUNT="))));
}

}  // namespace
}  // namespace ecgtrain
