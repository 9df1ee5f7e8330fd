// ecgctl job verify-resume with the real programs: two copies, one of them interrupted, equal to the last bit
// (E9).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/lab.h"

namespace ecgtrain::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class VerifyResume : public ::testing::Test {
 protected:
  void SetUp() override {
    lab_.StartCoordinator();
    lab_.StartWorker();
  }
  CommandResult Verify(int64_t job, const std::string& steps) {
    return RunCommand({Program("ecgctl"), "--server", lab_.address(), "job", "verify-resume",
                       std::to_string(job), "--steps", steps});
  }
  Lab lab_;
};

TEST_F(VerifyResume, AnInterruptedFineTuningEqualsAnUninterruptedOne) {
  const int64_t job = lab_.Submit(R"(
finetune: {dataset: synthetic, task: rhythm}
model: {preset: tiny}
schedule: {epochs: 100, max_steps: 3, batch_size: 8}
)")[0];
  lab_.AwaitEnd(job);
  const CommandResult result = Verify(job, "150");
  EXPECT_EQ(result.exit_code, 0) << result.output << result.errors;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("model.safetensors"), HasSubstr("optimizer.safetensors"),
                    HasSubstr("state.json"), HasSubstr("result test/auroc_macro"), Not(HasSubstr("NO"))));
  EXPECT_THAT(result.errors, HasSubstr("equal to the last bit"));
  EXPECT_THAT(result.errors, Not(HasSubstr("went on from step 0:")));
}

}  // namespace
}  // namespace ecgtrain::testing
