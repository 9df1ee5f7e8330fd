// One job's life with the real programs: submit, lease, train, ship, score; and the same while things are
// killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/json.h"
#include "common/sha256.h"
#include "tests/integration/lab.h"

namespace ecgtrain::testing {
namespace {

using ::testing::HasSubstr;

// A short pretraining: about 200 records, checkpoints on the way.
std::string Pretraining(int epochs) {
  return absl::StrCat(
      "name: pretrain\npretrain: {dataset: synthetic}\nmodel: {preset: tiny}\n"
      "schedule: {epochs: ",
      epochs, ", batch_size: 32, log_every: 1}\ncheckpoint: {every_steps: 10}\nprecision: fp32\n");
}

// Of a job that has succeeded.
void ExpectEachStepOnce(Lab& lab, int64_t job) {
  const v1::GetJobResponse now = lab.Get(job);
  EXPECT_EQ(now.attempts().rbegin()->last_step(), now.job().progress().total_steps());
  lab.ExpectEachStepOnce(job);
}

// Asks the coordinator what it knows of the synthetic data set, and has a job run on exactly that.
void ExpectRegistered(Lab& lab, const std::string& digest) {
  grpc::ClientContext context;
  v1::GetDatasetRequest request;
  request.set_name("synthetic");
  v1::GetDatasetResponse response;
  ASSERT_TRUE(lab.api().GetDataset(&context, request, &response).ok());
  ASSERT_EQ(response.dataset().holders_size(), 1);
  const v1::WorkerDataset& held = response.dataset().holders(0).dataset();
  ASSERT_GE(held.packs_size(), 1);
  EXPECT_EQ(held.packs(0).source_digest(), digest);
  EXPECT_GT(held.packs(0).records(), 100u);
  EXPECT_EQ(held.packs(0).records_by_fold_size(), 10);
  EXPECT_GT(held.packs(0).bytes(), 0u);
  const std::vector<int64_t> pinned = lab.Submit(
      absl::StrCat("pretrain: {dataset: 'synthetic#", digest.substr(0, 12),
                   "'}\nmodel: {preset: tiny}\nschedule: {epochs: 1, max_steps: 1, batch_size: 32}\n"));
  ASSERT_EQ(pinned.size(), 1u);
  EXPECT_EQ(lab.AwaitEnd(pinned[0]).state(), v1::SUCCEEDED);
  const std::vector<int64_t> other = lab.Submit(
      "pretrain: {dataset: 'synthetic#000000000000'}\nmodel: {preset: tiny}\nschedule: {epochs: 1}\n");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_EQ(lab.Get(other[0]).job().pending().reason(), v1::DATASET);
  lab.Cancel(other[0]);
}

TEST(LifeOfAJob, PretrainingThenTwoFineTuningsSucceed) {
  Lab lab;
  lab.StartCoordinator();
  lab.StartWorker();
  const std::vector<int64_t> jobs = lab.Submit(R"(
jobs:
  - name: pretrain
    pretrain: {dataset: synthetic}
    model: {preset: tiny}
    schedule: {epochs: 2, batch_size: 32, log_every: 1}
  - name: pretrained
    finetune: {dataset: synthetic, task: rhythm, from: pretrain@best}
    schedule: {epochs: 1, batch_size: 32}
  - name: scratch
    finetune: {dataset: synthetic, task: rhythm}
    model: {preset: tiny}
    schedule: {epochs: 1, batch_size: 32}
    after: [pretrain]
)");
  ASSERT_EQ(jobs.size(), 3u);
  for (const int64_t id : jobs) {
    const v1::Job job = lab.AwaitEnd(id);
    ASSERT_EQ(job.state(), v1::SUCCEEDED) << job.message() << lab.Log(id, 0);
  }
  ExpectEachStepOnce(lab, jobs[0]);
  ExpectRegistered(lab, lab.Get(jobs[0]).attempts(0).environment().at("source_digest"));
  EXPECT_TRUE(lab.Get(jobs[1]).job().result().contains("test/auroc_macro"));
  EXPECT_TRUE(lab.Get(jobs[2]).job().result().contains("classes_left_out"));
}

TEST(LifeOfAJob, StoredCheckpointIsWhatItsDigestSays) {
  Lab lab;
  lab.StartCoordinator();
  lab.StartWorker();
  const std::vector<int64_t> jobs = lab.Submit(Pretraining(1));
  ASSERT_EQ(jobs.size(), 1u);
  ASSERT_EQ(lab.AwaitEnd(jobs[0]).state(), v1::SUCCEEDED);
  const v1::ListCheckpointsResponse listed = lab.Checkpoints(jobs[0]);
  ASSERT_GT(listed.checkpoints_size(), 0);
  const v1::Checkpoint& newest = listed.checkpoints(0);
  EXPECT_EQ(newest.state(), v1::STORED);
  EXPECT_TRUE(newest.last());
  for (const v1::ArtifactFile& file : newest.files()) {
    const std::string bytes = lab.Artifact(file.sha256());
    EXPECT_EQ(bytes.size(), file.size()) << file.name();
    EXPECT_EQ(Sha256Hex(bytes), file.sha256()) << file.name();
    if (file.name() == "model.safetensors") {
      EXPECT_THAT(bytes, HasSubstr("encoder.0.conv1.weight"));
    }
  }
}

// P6, F7: kills the coordinator in training, lets `away` happen without one, starts it again on the same
// directory.
void ExpectKilledCoordinatorLosesNothing(Lab& lab, const std::function<void(int64_t training)>& away) {
  lab.StartCoordinator();
  lab.StartWorker();
  std::vector<int64_t> jobs = lab.Submit(Pretraining(8));
  ASSERT_EQ(jobs.size(), 1u);
  const std::vector<int64_t> after =
      lab.Submit(absl::StrCat("finetune: {dataset: synthetic, task: rhythm, from: job/", jobs[0],
                              "@best}\nschedule: {epochs: 1, batch_size: 32, log_every: 1}\n"));
  ASSERT_EQ(after.size(), 1u);
  jobs.push_back(after[0]);
  lab.AwaitStep(jobs[0], 12);
  lab.KillCoordinator();
  away(jobs[0]);
  lab.StartCoordinator();
  for (const int64_t id : jobs) {
    const v1::Job job = lab.AwaitEnd(id);
    ASSERT_EQ(job.state(), v1::SUCCEEDED) << job.message();
    EXPECT_EQ(job.attempts(), 1u);
    ExpectEachStepOnce(lab, id);
  }
}

TEST(LifeOfAJob, KilledCoordinatorLosesAndDoublesNothing) {
  Lab lab;
  ExpectKilledCoordinatorLosesNothing(lab, [](int64_t) {});
}

TEST(LifeOfAJob, CoordinatorAwayForLongerThanTheLeaseLosesAndDoublesNothing) {
  Lab lab(QuickTimes());
  ExpectKilledCoordinatorLosesNothing(lab, [&lab](int64_t training) {
    const absl::Time killed = absl::Now();
    // The rest of the training, and its end, wait on disk.
    ASSERT_TRUE(AwaitFile(lab.RunDirectory(training, 1) / "exit.json", absl::Minutes(2)).ok());
    PassTime(killed + absl::Milliseconds(1500) - absl::Now());
  });
}

TEST(LifeOfAJob, RestartedWorkerAdoptsTheRunningTrainer) {
  Lab lab;
  lab.StartCoordinator();
  lab.StartWorker();
  const std::vector<int64_t> jobs = lab.Submit(Pretraining(8));
  ASSERT_EQ(jobs.size(), 1u);
  lab.AwaitStep(jobs[0], 12);
  const pid_t trainer = lab.TrainerPid(jobs[0], 1);
  lab.KillWorker();
  ASSERT_EQ(kill(trainer, 0), 0) << "the trainer outlives its worker";
  lab.StartWorker();
  const v1::Job job = lab.AwaitEnd(jobs[0]);
  ASSERT_EQ(job.state(), v1::SUCCEEDED) << job.message();
  EXPECT_EQ(job.attempts(), 1u);
  EXPECT_EQ(lab.TrainerPid(jobs[0], 1), trainer);
  ExpectEachStepOnce(lab, jobs[0]);
}

TEST(LifeOfAJob, KilledTrainerResumesFromItsLastCheckpoint) {
  Lab lab(QuickTimes());
  lab.StartCoordinator();
  lab.StartWorker();
  const std::vector<int64_t> jobs = lab.Submit(Pretraining(8));
  ASSERT_EQ(jobs.size(), 1u);
  lab.AwaitStep(jobs[0], 25);
  lab.AwaitStored(jobs[0]);
  kill(lab.TrainerPid(jobs[0], 1), SIGKILL);
  const v1::Job job = lab.AwaitEnd(jobs[0]);
  ASSERT_EQ(job.state(), v1::SUCCEEDED) << job.message();
  const v1::GetJobResponse got = lab.Get(jobs[0]);
  ASSERT_EQ(got.attempts_size(), 2);
  EXPECT_EQ(got.attempts(0).reason(), v1::TRAINER_CRASHED);
  EXPECT_GT(got.attempts(1).resumed_step(), 0u);
  ExpectEachStepOnce(lab, jobs[0]);
}

}  // namespace
}  // namespace ecgtrain::testing
