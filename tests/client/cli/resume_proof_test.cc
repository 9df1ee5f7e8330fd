#include "client/cli/resume_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ecgtrain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TrainingOutcome SampleOutcome() {
  return {
      .files = {{"model.safetensors", std::string(64, 'a')}, {"optimizer.safetensors", std::string(64, 'b')}},
      .points = {{{"train/loss", 10}, 0.25}, {{"train/loss", 20}, 0.125}, {{"validation/loss", 20}, kNan}},
      .result = {{"test/auroc_macro", 0.9}}};
}

std::string Shown(const TrainingOutcome& resumed) {
  const ResumeProof proof = CompareOutcomes(SampleOutcome(), resumed);
  return RenderTable(ProofTable(proof), /*wide=*/false, /*headers=*/false) +
         (proof.equal ? "equal" : "different");
}

TEST(ResumeProof, TheSameOutcomeIsEqual) {
  const std::string shown = Shown(SampleOutcome());
  EXPECT_THAT(shown, HasSubstr("3 points"));
  EXPECT_THAT(shown, HasSubstr("equal"));
  EXPECT_EQ(shown.find("NO"), std::string::npos);
}

TEST(ResumeProof, OneOtherFileMakesTheDifference) {
  TrainingOutcome resumed = SampleOutcome();
  resumed.files["optimizer.safetensors"] = std::string(64, 'c');
  EXPECT_THAT(Shown(resumed), AllOf(HasSubstr("cccccccccccc"), HasSubstr("NO"), HasSubstr("different")));
  resumed = SampleOutcome();
  resumed.files.erase("model.safetensors");
  EXPECT_THAT(Shown(resumed), AllOf(HasSubstr("absent"), HasSubstr("different")));
}

TEST(ResumeProof, TheLastBitOfOneMetricMakesTheDifference) {
  TrainingOutcome resumed = SampleOutcome();
  resumed.points[{"train/loss", 20}] = std::nextafter(0.125, 1);
  EXPECT_THAT(Shown(resumed), AllOf(HasSubstr("train/loss of step 20"), HasSubstr("0.12500000000000003"),
                                    HasSubstr("different")));
  resumed = SampleOutcome();
  resumed.points[{"train/loss", 30}] = 1;
  EXPECT_THAT(Shown(resumed), AllOf(HasSubstr("train/loss of step 30"), HasSubstr("different")));
}

TEST(ResumeProof, AResultOfItsOwnMakesTheDifference) {
  TrainingOutcome resumed = SampleOutcome();
  resumed.result["approximate_resumes"] = 1;
  EXPECT_THAT(Shown(resumed), AllOf(HasSubstr("result approximate_resumes"), HasSubstr("different")));
}

}  // namespace
}  // namespace ecgtrain
