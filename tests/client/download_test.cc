#include "client/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/durable_file.h"
#include "common/sha256.h"
#include "tests/client/client_fixture.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

class DownloadTest : public ClientFixture {
 protected:
  DownloadTest() {
    checkpoint_.set_job_id(42);
    checkpoint_.set_name("step-000000008");
    checkpoint_.set_step(8);
    checkpoint_.set_state(v1::STORED);
    Add("manifest.json", "{}");
    Add("model.safetensors", content_);
  }

  void Add(const std::string& name, const std::string& content) {
    v1::ArtifactFile& file = *checkpoint_.add_files();
    file.set_name(name);
    file.set_size(content.size());
    file.set_sha256(Sha256Hex(content));
    state_.files[file.sha256()] = content;
  }

  std::string Read(const std::string& name) { return ReadFile(target_ / name).value_or("(absent)"); }

  const std::string content_ = "0123456789abcdefghij";
  TemporaryFolder folder_;
  std::filesystem::path target_ = folder_.path() / "target";
  v1::Checkpoint checkpoint_;
  FakeState state_;
};

TEST_F(DownloadTest, FetchesEveryFileAndSaysWhatTheyAre) {
  const auto result = DownloadCheckpoint(Connect(state_), checkpoint_, target_, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->transferred_bytes, content_.size() + 2);
  EXPECT_EQ(Read("model.safetensors"), content_);
  EXPECT_EQ(Read("manifest.json"), "{}");
  EXPECT_THAT(Read("checkpoint.json"), HasSubstr("\"step-000000008\""));
}

TEST_F(DownloadTest, GoesOnWhereAnEarlierDownloadStopped) {
  ASSERT_TRUE(MakeDirectories(target_).ok());
  ASSERT_TRUE(WriteFileDurably(target_ / "model.safetensors.part", content_.substr(0, 12)).ok());
  const auto result = DownloadCheckpoint(Connect(state_), checkpoint_, target_, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Read("model.safetensors"), content_);
  EXPECT_EQ(result->reused_bytes, 12u);
  EXPECT_EQ(fake_->record().artifacts.back().offset(), 12u);
}

TEST_F(DownloadTest, ConnectionCutInTheMiddleGoesOnAtTheNextByte) {
  state_.break_artifact_after = 8;
  ASSERT_TRUE(DownloadCheckpoint(Connect(state_), checkpoint_, target_, {}).ok());
  EXPECT_EQ(Read("model.safetensors"), content_);
  EXPECT_EQ(fake_->record().artifacts.back().offset(), 8u);
}

TEST_F(DownloadTest, CompleteDownloadIsNotFetchedAgain) {
  TrainingClient& client = Connect(state_);
  ASSERT_TRUE(DownloadCheckpoint(client, checkpoint_, target_, {}).ok());
  const size_t calls = fake_->record().artifacts.size();
  const auto again = DownloadCheckpoint(client, checkpoint_, target_, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->transferred_bytes, 0u);
  EXPECT_EQ(fake_->record().artifacts.size(), calls);
}

TEST_F(DownloadTest, WrongDigestIsDataLossAndLeavesNothingBehind) {
  state_.files[Sha256Hex(content_)][3] = 'X';
  const auto result = DownloadCheckpoint(Connect(state_), checkpoint_, target_, {});
  EXPECT_TRUE(absl::IsDataLoss(result.status()));
  EXPECT_EQ(Read("model.safetensors"), "(absent)");
  EXPECT_EQ(Read("model.safetensors.part"), "(absent)");
}

TEST_F(DownloadTest, FolderWithOtherFilesNeedsForce) {
  ASSERT_TRUE(MakeDirectories(target_).ok());
  ASSERT_TRUE(WriteFileDurably(target_ / "thesis.tex", "x").ok());
  TrainingClient& client = Connect(state_);
  const auto refused = DownloadCheckpoint(client, checkpoint_, target_, {});
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("thesis.tex"));
  EXPECT_TRUE(DownloadCheckpoint(client, checkpoint_, target_, {.force = true}).ok());
  EXPECT_EQ(Read("thesis.tex"), "x");
}

TEST_F(DownloadTest, FileNamesThatLeaveTheFolderAreRefused) {
  TrainingClient& client = Connect(state_);
  for (const std::string name : {"../evil", "/etc/passwd", ".hidden", "a/b", "", "checkpoint.json"}) {
    v1::Checkpoint hostile = checkpoint_;
    hostile.mutable_files(0)->set_name(name);
    EXPECT_TRUE(absl::IsDataLoss(DownloadCheckpoint(client, hostile, target_, {}).status())) << name;
  }
}

TEST_F(DownloadTest, CheckpointThatIsNotStoredIsRefused) {
  checkpoint_.set_state(v1::LOCAL);
  EXPECT_TRUE(
      absl::IsFailedPrecondition(DownloadCheckpoint(Connect(state_), checkpoint_, target_, {}).status()));
}

TEST_F(DownloadTest, SelectorsMeanTheBestTheLastOrAStep) {
  v1::ListCheckpointsResponse list;
  for (const uint64_t step : {30, 20, 10}) {
    v1::Checkpoint& checkpoint = *list.add_checkpoints();
    checkpoint = checkpoint_;
    checkpoint.set_step(step);
    checkpoint.set_best(step == 20);
    checkpoint.set_last(step == 30);
  }
  EXPECT_EQ(SelectCheckpoint(list, "best")->step(), 20u);
  EXPECT_EQ(SelectCheckpoint(list, "last")->step(), 30u);
  EXPECT_EQ(SelectCheckpoint(list, "step:10")->step(), 10u);
  EXPECT_THAT(std::string(SelectCheckpoint(list, "step:11").status().message()), HasSubstr("30, 20, 10"));
  EXPECT_TRUE(absl::IsInvalidArgument(SelectCheckpoint(list, "newest").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SelectCheckpoint(list, "step:x").status()));
}

}  // namespace
}  // namespace ecgtrain
