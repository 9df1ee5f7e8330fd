// One job's life with the real programs: submit, lease, train, ship, score; and the same while things are
// killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
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

// Every step from 1 to the last one exactly once.
void ExpectEachStepOnce(const std::vector<v1::MetricPoint>& points, uint64_t last) {
  ASSERT_EQ(points.size(), last);
  for (uint64_t i = 0; i < last; ++i) EXPECT_EQ(points[i].step(), i + 1);
}

uint64_t TotalSteps(const v1::Job& job) { return job.progress().total_steps(); }

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
  const v1::GetJobResponse pretrain = lab.Get(jobs[0]);
  ExpectEachStepOnce(lab.Metrics(jobs[0], "train/loss"), TotalSteps(pretrain.job()));
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

TEST(LifeOfAJob, KilledCoordinatorLosesAndDoublesNothing) {
  Lab lab;
  lab.StartCoordinator();
  lab.StartWorker();
  const std::vector<int64_t> jobs = lab.Submit(Pretraining(8));
  ASSERT_EQ(jobs.size(), 1u);
  lab.AwaitStep(jobs[0], 12);
  lab.KillCoordinator();
  lab.StartCoordinator();
  const v1::Job job = lab.AwaitEnd(jobs[0]);
  ASSERT_EQ(job.state(), v1::SUCCEEDED) << job.message();
  EXPECT_EQ(job.attempts(), 1u);
  ExpectEachStepOnce(lab.Metrics(jobs[0], "train/loss"), TotalSteps(job));
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
  ExpectEachStepOnce(lab.Metrics(jobs[0], "train/loss"), TotalSteps(job));
}

TEST(LifeOfAJob, KilledTrainerResumesFromItsLastCheckpoint) {
  Lab lab;
  lab.StartCoordinator();
  lab.StartWorker();
  const std::vector<int64_t> jobs = lab.Submit(Pretraining(8));
  ASSERT_EQ(jobs.size(), 1u);
  lab.Await(jobs[0], [&lab](const v1::Job& seen) {
    if (seen.progress().step() < 25) return false;
    const v1::ListCheckpointsResponse listed = lab.Checkpoints(seen.id());
    return std::any_of(listed.checkpoints().begin(), listed.checkpoints().end(),
                       [](const v1::Checkpoint& checkpoint) { return checkpoint.state() == v1::STORED; });
  });
  kill(lab.TrainerPid(jobs[0], 1), SIGKILL);
  const v1::Job job = lab.AwaitEnd(jobs[0]);
  ASSERT_EQ(job.state(), v1::SUCCEEDED) << job.message();
  const v1::GetJobResponse got = lab.Get(jobs[0]);
  ASSERT_EQ(got.attempts_size(), 2);
  EXPECT_EQ(got.attempts(0).reason(), v1::TRAINER_CRASHED);
  EXPECT_GT(got.attempts(1).resumed_step(), 0u);
  ExpectEachStepOnce(lab.Metrics(jobs[0], "train/loss"), TotalSteps(job));
}

}  // namespace
}  // namespace ecgtrain::testing
