#include "server/coordinator/checkpoints.h"

#include <cmath>

#include "common/crc32c.h"
#include "common/sha256.h"
#include "tests/server/coordinator/coordinator_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

v1::Checkpoint Stored(uint32_t attempt, uint64_t step, double value,
                      const std::string& metric = "validation/loss") {
  v1::Checkpoint checkpoint;
  checkpoint.set_job_id(7);
  checkpoint.set_attempt(attempt);
  checkpoint.set_name(absl::StrCat("step-", step));
  checkpoint.set_step(step);
  checkpoint.set_state(v1::STORED);
  checkpoint.set_metric_name(metric);
  checkpoint.set_metric_value(value);
  return checkpoint;
}

TEST(CheckpointsTest, ALossIsBetterWhenSmallerAndAScoreWhenLarger) {
  EXPECT_TRUE(IsBetterValue("validation/loss", 0.1, 0.2));
  EXPECT_TRUE(IsBetterValue("validation/auroc_macro", 0.9, 0.8));
  EXPECT_FALSE(IsBetterValue("validation/loss", NAN, 0.2));
  EXPECT_TRUE(IsBetterValue("validation/loss", 0.2, NAN));
}

TEST(CheckpointsTest, BestAndLastSeeStoredOnesOnly) {
  std::vector<v1::Checkpoint> all = {Stored(1, 10, 0.5), Stored(1, 20, 0.2), Stored(1, 30, 0.4),
                                     Stored(1, 40, 0.1)};
  all[3].set_state(v1::LOCAL);
  EXPECT_EQ(BestCheckpoint(all)->step(), 20u);
  EXPECT_EQ(LastCheckpoint(all)->step(), 30u);
  EXPECT_EQ(BestCheckpoint({}), nullptr);
}

TEST(CheckpointsTest, SelectorsAreBestLastAndStep) {
  const std::vector<v1::Checkpoint> all = {Stored(1, 10, 0.5), Stored(1, 20, 0.7)};
  EXPECT_EQ((*SelectCheckpoint(all, "best"))->step(), 10u);
  EXPECT_EQ((*SelectCheckpoint(all, "step:20"))->step(), 20u);
  EXPECT_THAT(SelectCheckpoint(all, "step:15"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(SelectCheckpoint(all, "newest"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CheckpointsTest, ARetryGoesOnFromTheNewest) {
  v1::Job job;
  const std::vector<v1::Checkpoint> all = {Stored(1, 10, 0.5), Stored(2, 20, 0.7)};
  EXPECT_EQ((*ResumeCheckpoint(job, {}, all))->step(), 20u);
}

TEST(CheckpointsTest, ARequeueSaysWhereToStartUntilThereIsSomethingNewer) {
  v1::Job job;
  job.set_requeued_after_attempt(1);
  job.set_restart_from("scratch");
  std::vector<v1::Checkpoint> all = {Stored(1, 10, 0.5)};
  EXPECT_EQ(*ResumeCheckpoint(job, {}, all), nullptr);
  job.set_restart_from("best");
  EXPECT_EQ((*ResumeCheckpoint(job, {}, all))->step(), 10u);
  all.push_back(Stored(2, 5, 0.9));
  EXPECT_EQ((*ResumeCheckpoint(job, {}, all))->step(), 5u);
}

TEST(CheckpointsTest, ACorruptOneIsPassedOverAndNeverReplacedByScratch) {
  v1::Job job;
  v1::Attempt attempt;
  attempt.set_reason(v1::CHECKPOINT_CORRUPT);
  attempt.set_resumed_from("7.1/step-20");
  std::vector<v1::Checkpoint> all = {Stored(1, 10, 0.5), Stored(1, 20, 0.4)};
  EXPECT_EQ((*ResumeCheckpoint(job, {attempt}, all))->step(), 10u);
  all.erase(all.begin());
  EXPECT_THAT(ResumeCheckpoint(job, {attempt}, all), StatusIs(absl::StatusCode::kNotFound));
}

TEST(CheckpointsTest, RetentionKeepsTheLastTheBestAndTheNeeded) {
  v1::CheckpointSpec spec;
  spec.set_keep_last(2);
  spec.set_keep_best(1);
  const std::vector<v1::Checkpoint> all = {Stored(1, 10, 0.5), Stored(1, 20, 0.1), Stored(1, 30, 0.4),
                                           Stored(1, 40, 0.3), Stored(1, 50, 0.6)};
  const auto superfluous = SuperfluousCheckpoints(spec, all, {"7.1/step-10"});
  ASSERT_EQ(superfluous.size(), 1u);
  EXPECT_EQ(superfluous[0].step(), 30u);
}

class CheckpointUploadTest : public CoordinatorFixture {
 protected:
  // Announces a checkpoint of one file.
  void Announce(const v1::AttemptRef& attempt, uint64_t step, const std::string& content, double loss) {
    v1::TrainerEvent event;
    v1::CheckpointEvent& checkpoint = *event.mutable_checkpoint();
    checkpoint.set_name(absl::StrCat("step-", step));
    checkpoint.set_step(step);
    checkpoint.set_metric_name("validation/loss");
    checkpoint.set_metric_value(loss);
    *checkpoint.add_files() = FileOf(content);
    ASSERT_THAT(ReportEvent(attempt, event), IsOk());
  }

  static v1::ArtifactFile FileOf(const std::string& content) {
    v1::ArtifactFile file;
    file.set_name("model.safetensors");
    file.set_size(content.size());
    file.set_sha256(Sha256Hex(content));
    return file;
  }

  absl::StatusOr<v1::UploadArtifactResponse> Upload(const v1::AttemptRef& attempt,
                                                    const std::string& content) {
    v1::QueryUploadRequest query;
    *query.mutable_attempt() = attempt;
    *query.mutable_file() = FileOf(content);
    const auto opened = coordinator_->uploads().Query(query);
    if (!opened.ok()) return opened.status();
    v1::UploadArtifactRequest chunk;
    *chunk.mutable_attempt() = attempt;
    chunk.set_upload_id(opened->upload_id());
    chunk.set_data(content);
    chunk.set_crc32c(Crc32c(content));
    return coordinator_->uploads().Append(chunk);
  }

  std::vector<v1::Checkpoint> Rows(int64_t job) {
    std::vector<v1::Checkpoint> rows;
    EXPECT_THAT(store_.Read([&](StoreReader& reader) {
      rows = *reader.Checkpoints(job);
      return absl::OkStatus();
    }),
                IsOk());
    return rows;
  }
};

TEST_F(CheckpointUploadTest, ACheckpointIsStoredOnceItsLastFileIsThere) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  Announce(attempt, 100, "weights", 0.5);
  EXPECT_EQ(Rows(id).at(0).state(), v1::LOCAL);
  const auto uploaded = Upload(attempt, "weights");
  ASSERT_THAT(uploaded, IsOk());
  EXPECT_TRUE(uploaded->complete());
  EXPECT_EQ(Rows(id).at(0).state(), v1::STORED);
  EXPECT_EQ(Events(id).back().type(), "checkpoint_stored");
}

TEST_F(CheckpointUploadTest, AFileThatNoEventNamedIsRefused) {
  Register();
  const v1::AttemptRef attempt = StartAttempt(SubmitOne(Pretrain()));
  EXPECT_THAT(Upload(attempt, "anything"), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(CheckpointUploadTest, AStaleTokenUploadsNothing) {
  Register();
  v1::AttemptRef attempt = StartAttempt(SubmitOne(Pretrain()));
  Announce(attempt, 100, "weights", 0.5);
  attempt.set_token(attempt.token() + 1);
  EXPECT_THAT(Upload(attempt, "weights"), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(CheckpointUploadTest, RetentionAppliesAfterEachStoredCheckpoint) {
  Register();
  v1::JobSpec spec = Pretrain();
  spec.mutable_checkpoint()->set_keep_last(1);
  const int64_t id = SubmitOne(spec);
  const v1::AttemptRef attempt = StartAttempt(id);
  for (int i = 1; i <= 4; ++i) {
    const std::string content = absl::StrCat("weights ", i);
    Announce(attempt, static_cast<uint64_t>(i) * 10, content, i == 2 ? 0.1 : 0.5);
    ASSERT_THAT(Upload(attempt, content), IsOk());
  }
  const auto rows = Rows(id);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].step(), 20u) << "the best";
  EXPECT_EQ(rows[1].step(), 40u) << "the last";
}

TEST_F(CheckpointUploadTest, TheNextAttemptResumesFromTheLastStoredCheckpoint) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  Announce(attempt, 100, "weights", 0.5);
  ASSERT_THAT(Upload(attempt, "weights"), IsOk());
  Announce(attempt, 200, "never uploaded", 0.4);
  ASSERT_THAT(Finish(attempt, v1::DEVICE_BUSY), IsOk());
  Round();
  const v1::HeartbeatResponse orders = Beat();
  ASSERT_EQ(orders.start_size(), 1);
  EXPECT_EQ(orders.start(0).resume().step(), 100u);
  EXPECT_THAT(store_.Read([&](StoreReader& reader) {
    return CheckIsInput(reader, orders.start(0).attempt(), Sha256Hex("weights"));
  }),
              IsOk());
  EXPECT_THAT(store_.Read([&](StoreReader& reader) {
    return CheckIsInput(reader, orders.start(0).attempt(), Sha256Hex("never uploaded"));
  }),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CheckpointUploadTest, AChildStartsFromTheParentsBestAndKeepsItFromRetention) {
  Register();
  v1::JobSpec spec = Pretrain("a");
  spec.mutable_checkpoint()->set_keep_last(1);
  const auto batch = Submit({spec, Finetune("a@step:10", "b")});
  ASSERT_THAT(batch, IsOk());
  const v1::AttemptRef attempt = StartAttempt(batch->jobs(0).id());
  for (int i = 1; i <= 3; ++i) {
    const std::string content = absl::StrCat("weights ", i);
    Announce(attempt, static_cast<uint64_t>(i) * 10, content, 1.0 / i);
    ASSERT_THAT(Upload(attempt, content), IsOk());
  }
  ASSERT_EQ(Finish(attempt, v1::COMPLETED)->job_state(), v1::SUCCEEDED);
  Round();
  const v1::HeartbeatResponse orders = Beat();
  ASSERT_EQ(orders.start_size(), 1);
  EXPECT_EQ(orders.start(0).parent().step(), 10u);
}

TEST_F(CheckpointUploadTest, TheSweepDeletesFilesOfDeletedCheckpointsAndKeepsTheOthers) {
  Register();
  v1::JobSpec spec = Pretrain();
  spec.mutable_checkpoint()->set_keep_last(1);
  const v1::AttemptRef attempt = StartAttempt(SubmitOne(spec));
  for (int i = 1; i <= 3; ++i) {
    const std::string content = absl::StrCat("weights ", i);
    Announce(attempt, static_cast<uint64_t>(i) * 10, content, 1.0 / i);
    ASSERT_THAT(Upload(attempt, content), IsOk());
  }
  clock_.Advance(absl::Hours(30));
  Round();
  EXPECT_THAT(artifacts_->FileSize(Sha256Hex("weights 1")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(artifacts_->FileSize(Sha256Hex("weights 3")), IsOk());
}

TEST_F(CheckpointUploadTest, ALocalCheckpointThatTheTrainerRemovedIsForgotten) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  Announce(attempt, 100, "weights", 0.5);
  v1::TrainerEvent removed;
  removed.mutable_checkpoint_removed()->set_name("step-100");
  ASSERT_THAT(ReportEvent(attempt, removed), IsOk());
  EXPECT_TRUE(Rows(id).empty());
}

}  // namespace
}  // namespace ecgtrain
