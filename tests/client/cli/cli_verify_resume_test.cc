#include <gmock/gmock.h>

#include "tests/client/cli/cli_fixture.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

class CliVerifyResumeTest : public CliFixture {
 protected:
  // Job 42, and what becomes of the copy that is to be interrupted: the fake numbers new jobs from 100.
  static FakeState State(v1::JobState copy) {
    FakeState state;
    state.jobs = {MakeJob(42, "pre", v1::SUCCEEDED), MakeJob(101, "copy", copy)};
    v1::JobSpec& spec = *state.jobs[0].mutable_spec();
    spec.set_name("pre");
    spec.mutable_pretrain()->set_dataset("synthetic");
    spec.mutable_schedule()->set_epochs(50);
    spec.add_after("job/7");
    spec.set_seed(9);
    return state;
  }
};

TEST_F(CliVerifyResumeTest, SubmitsTwoShortCopiesOfTheJob) {
  Serve(State(v1::SUCCEEDED));
  Run({"job", "verify-resume", "42", "--steps", "30"});
  ASSERT_EQ(fake_->record().submissions.size(), 1u);
  const v1::SubmitJobsRequest request = fake_->record().submissions[0];
  ASSERT_EQ(request.specs_size(), 2);
  for (const v1::JobSpec& spec : request.specs()) {
    EXPECT_EQ(spec.schedule().max_steps(), 30u);
    EXPECT_EQ(spec.schedule().epochs(), 50u);
    EXPECT_EQ(spec.seed(), 9u);
    EXPECT_EQ(spec.after_size(), 0);
    EXPECT_EQ(spec.labels().at("verify-resume"), "42");
  }
  EXPECT_EQ(request.specs(0).name(), "verify-resume-42-whole");
  EXPECT_EQ(request.specs(1).name(), "verify-resume-42-resumed");
}

TEST_F(CliVerifyResumeTest, ProvesNothingWhereNothingWasInterrupted) {
  Serve(State(v1::SUCCEEDED));
  const CliResult result = Run({"job", "verify-resume", "42"});
  EXPECT_EQ(result.code, 8);
  EXPECT_THAT(result.err, HasSubstr("was not interrupted: nothing is proved; give more --steps"));
}

TEST_F(CliVerifyResumeTest, RefusesWhatHasNoTraining) {
  FakeState state = State(v1::SUCCEEDED);
  state.jobs[0].mutable_spec()->mutable_evaluate()->set_dataset("synthetic");
  Serve(state);
  EXPECT_EQ(Run({"job", "verify-resume", "42"}).code, 2);
  EXPECT_EQ(Run({"job", "verify-resume", "77"}).code, 3);
  EXPECT_EQ(Run({"job", "verify-resume", "42", "--steps", "1"}).code, 2);
  EXPECT_TRUE(fake_->record().submissions.empty());
}

}  // namespace
}  // namespace ecgtrain
