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

TEST_F(CliChangeTest, PauseAndResumePrintTheNewState) {
  Serve(TwoJobs());
  const CliResult paused = Run({"job", "pause", "a"});
  EXPECT_EQ(paused.code, 0) << paused.err;
  EXPECT_THAT(paused.out, AllOf(HasSubstr("job/1"), HasSubstr("PAUSED")));
  const CliResult resumed = Run({"job", "resume", "job/1"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, AllOf(HasSubstr("job/1"), HasSubstr("QUEUED")));
  const CliResult ended = Run({"job", "pause", "b"});
  EXPECT_EQ(ended.code, 8);
  EXPECT_EQ(ended.err, "ecgctl: job/2 is SUCCEEDED\n");
}

TEST_F(CliChangeTest, RequeueSaysFromWhere) {
  Serve(TwoJobs());
  const CliResult requeued = Run({"job", "requeue", "b", "--from", "step:30"});
  EXPECT_EQ(requeued.code, 0) << requeued.err;
  EXPECT_THAT(requeued.out, AllOf(HasSubstr("job/2"), HasSubstr("QUEUED")));
  EXPECT_EQ(fake_->record().requeues.front().from(), "step:30");
  EXPECT_FALSE(fake_->record().requeues.front().request_id().empty());
  EXPECT_EQ(Run({"job", "requeue", "1"}).code, 8);
}

TEST_F(CliChangeTest, CordonAndUncordonPrintTheWorker) {
  FakeState state;
  state.workers.emplace_back().set_name("gpu-1");
  Serve(state);
  const CliResult cordoned = Run({"worker", "cordon", "gpu-1", "--reason", "new fan", "-o", "csv"});
  EXPECT_EQ(cordoned.code, 0) << cordoned.err;
  EXPECT_THAT(cordoned.out, HasSubstr("gpu-1"));
  EXPECT_TRUE(fake_->record().workers.front().cordoned());
  EXPECT_EQ(fake_->record().workers.front().reason(), "new fan");
  const CliResult open = Run({"worker", "uncordon", "gpu-1", "-o", "csv"});
  EXPECT_EQ(open.code, 0) << open.err;
  EXPECT_FALSE(fake_->record().workers.back().cordoned());
  const CliResult unknown = Run({"worker", "uncordon", "gpu-9"});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_EQ(unknown.err, "ecgctl: no worker gpu-9; see ecgctl worker list\n");
}

TEST_F(CliChangeTest, TokensAreListedWithoutSecretsAndRevokedByNumber) {
  FakeState state;
  v1::Token& token = state.tokens.emplace_back();
  token.set_id(7);
  token.set_principal("ada");
  token.set_role("user");
  Serve(state);
  EXPECT_THAT(Run({"token", "list", "-o", "csv"}).out, AllOf(HasSubstr("7,"), HasSubstr("ada")));
  const CliResult revoked = Run({"token", "revoke", "7", "-o", "jsonl"});
  EXPECT_EQ(revoked.code, 0) << revoked.err;
  EXPECT_THAT(revoked.out, HasSubstr("\"revoked\":true"));
  EXPECT_THAT(Run({"token", "list", "-o", "jsonl"}).out, HasSubstr("\"revoked\":true"));
  EXPECT_EQ(Run({"token", "revoke", "8"}).code, 3);
  EXPECT_EQ(Run({"token", "revoke", "ada"}).code, 2);
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
