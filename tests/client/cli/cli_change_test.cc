#include <gmock/gmock.h>

#include "common/sha256.h"
#include "tests/client/cli/cli_fixture.h"

namespace ecgtrain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CliChangeTest : public CliFixture {
 protected:
  FakeState TwoJobs() {
    FakeState state;
    state.jobs = {MakeJob(1, "a", v1::RUNNING), MakeJob(2, "b", v1::SUCCEEDED)};
    return state;
  }
};

TEST_F(CliChangeTest, CancelPrintsTheNewState) {
  Serve(TwoJobs());
  const CliResult result = Run({"job", "cancel", "a"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("job/1"), HasSubstr("CANCELLED")));
}

TEST_F(CliChangeTest, WrongStateIsCodeEight) {
  Serve(TwoJobs());
  const CliResult result = Run({"kill", "2"});
  EXPECT_EQ(result.code, 8);
  EXPECT_EQ(result.err, "ecgctl: job/2 is SUCCEEDED\n");
}

TEST_F(CliChangeTest, SomeOfSeveralIsPartlyDone) {
  Serve(TwoJobs());
  const CliResult result = Run({"job", "cancel", "1", "2", "-q"});
  EXPECT_EQ(result.code, 9);
  EXPECT_EQ(result.out, "job/1\n");
  EXPECT_THAT(result.err, HasSubstr("job/2 is SUCCEEDED"));
}

TEST_F(CliChangeTest, NoneOfSeveralHasTheCodeOfTheFirst) {
  Serve(TwoJobs());
  EXPECT_EQ(Run({"job", "cancel", "77", "2"}).code, 3);
}

TEST_F(CliChangeTest, ReferenceThatCannotBeOneChangesNothing) {
  Serve(TwoJobs());
  EXPECT_EQ(Run({"job", "cancel", "1", "job/1@best"}).code, 2);
  EXPECT_TRUE(fake_->record().request_ids.empty());
}

TEST_F(CliChangeTest, TokenIsShownOnceOrWrittenToAPrivateFile) {
  Serve({});
  const CliResult shown = Run({"token", "create", "ada", "--role", "user", "--life", "30d"});
  EXPECT_EQ(shown.out, std::string(64, 'a') + "\n");
  EXPECT_EQ(fake_->record().tokens.front().life().seconds(), 30 * 86400);
  const std::filesystem::path file = folder_.path() / "ada.token";
  const CliResult written = Run({"token", "create", "ada", "--role", "user", "--out", file});
  EXPECT_EQ(written.code, 0) << written.err;
  EXPECT_EQ(written.out, "");
  EXPECT_EQ(*ReadFile(file), std::string(64, 'a') + "\n");
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(CliChangeTest, DownloadPutsTheBestCheckpointIntoTheFolder) {
  FakeState state = TwoJobs();
  v1::Checkpoint& checkpoint = *state.checkpoints[1].add_checkpoints();
  checkpoint.set_job_id(1);
  checkpoint.set_step(30);
  checkpoint.set_state(v1::STORED);
  checkpoint.set_best(true);
  v1::ArtifactFile& file = *checkpoint.add_files();
  file.set_name("model.safetensors");
  file.set_size(7);
  file.set_sha256(Sha256Hex("weights"));
  state.files[file.sha256()] = "weights";
  Serve(state);
  const std::filesystem::path target = folder_.path() / "model";
  const CliResult result = Run({"checkpoint", "download", "job/1@best", target});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(*ReadFile(target / "model.safetensors"), "weights");
  EXPECT_THAT(result.err, HasSubstr("verified 1 files"));
  EXPECT_EQ(Run({"checkpoint", "download", "job/1@last", target}).code, 3);
  EXPECT_EQ(Run({"checkpoint", "download", "job/1", target}).code, 2);
  EXPECT_THAT(Run({"checkpoint", "list", "1"}).out, HasSubstr("job/1@step:30"));
}

}  // namespace
}  // namespace ecgtrain
