// Kills all three programs at random for a while: every job succeeds with the checkpoint of a calm day, byte
// for byte (P4, P6, P7, P9; F1, F3, F7).
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "tests/integration/lab.h"
#include "tests/support/long_tests.h"

namespace ecgtrain::testing {
namespace {

// A job whose trainer was killed three times in two minutes would be taken for one that crashes by itself.
constexpr int kTrainerKillsAJob = 2;

std::string Training(bool finetune) {
  const std::string task =
      finetune ? "finetune: {dataset: synthetic, task: rhythm}" : "pretrain: {dataset: synthetic}";
  return absl::StrCat(task, "\nmodel: {preset: tiny}\nschedule: {epochs: 3, batch_size: 32, log_every: 1}\n",
                      "checkpoint: {every_steps: 5}\nprecision: fp32\nseed: 11\nretry: {user: 5}\n");
}

// Digests of the weights, the optimizer and the position of the job's last checkpoint.
std::map<std::string, std::string> FinalState(Lab& lab, int64_t job) {
  std::map<std::string, std::string> digests;
  const v1::ListCheckpointsResponse listed = lab.Checkpoints(job);
  for (const v1::Checkpoint& checkpoint : listed.checkpoints()) {
    if (!checkpoint.last()) continue;
    EXPECT_EQ(checkpoint.state(), v1::STORED);
    digests["step"] = absl::StrCat(checkpoint.step());
    for (const v1::ArtifactFile& file : checkpoint.files()) {
      if (file.name() != "manifest.json") digests[file.name()] = file.sha256();
    }
  }
  EXPECT_GE(digests.size(), 3u);
  return digests;
}

class RandomKills : public ::testing::Test {
 protected:
  RandomKills() {
    const char* seed = std::getenv("ECGTRAIN_SEED");
    const uint64_t number = seed != nullptr ? std::strtoull(seed, nullptr, 10) : 20211;
    std::cout << "seed " << number << " (ECGTRAIN_SEED)\n";
    random_.seed(number);
  }

  int Pick(int below) { return static_cast<int>(random_() % static_cast<uint64_t>(below)); }
  void PassRandomTime(int milliseconds) { PassTime(absl::Milliseconds(Pick(milliseconds))); }

  void KillSomebody() {
    switch (Pick(3)) {
      case 0:
        lab_.KillCoordinator();
        PassRandomTime(2000);
        lab_.StartCoordinator();
        ++kills_["coordinator_kills"];
        break;
      case 1:
        lab_.KillWorker();
        PassRandomTime(2000);
        lab_.StartWorker();
        ++kills_["worker_kills"];
        break;
      default:
        KillTrainer();
    }
  }

  void KillTrainer() {
    for (const int64_t id : jobs_) {
      const v1::Job job = lab_.Get(id).job();
      if (job.state() != v1::RUNNING || trainer_kills_[id] == kTrainerKillsAJob) continue;
      const auto record = ParseJson(
          ReadFile(lab_.RunDirectory(id, job.attempts()) / "process.json").value_or(""), "process.json");
      if (!record.ok()) continue;
      const pid_t trainer = (*record)["pid"].get<pid_t>();
      if (!IsRunning(trainer)) continue;
      kill(-trainer, SIGKILL);
      ++trainer_kills_[id];
      ++kills_["trainer_kills"];
      return;
    }
  }

  // Two jobs that have not ended at any time.
  void KeepBusy() {
    int open = 0;
    for (const int64_t id : jobs_) open += lab_.Get(id).job().ended().seconds() == 0 ? 1 : 0;
    for (; open < 2; ++open) {
      const std::vector<int64_t> ids = lab_.Submit(Training(/*finetune=*/jobs_.size() % 2 == 1));
      ASSERT_EQ(ids.size(), 1u);
      jobs_.push_back(ids[0]);
    }
  }

  std::mt19937_64 random_;
  Lab lab_{QuickTimes()};
  std::vector<int64_t> jobs_;
  std::map<int64_t, int> trainer_kills_;
  std::map<std::string, int> kills_;
};

TEST_F(RandomKills, JobsEndAsOnACalmDay) {
  lab_.StartCoordinator();
  lab_.StartWorker();
  std::map<bool, std::map<std::string, std::string>> calm;
  for (const bool finetune : {false, true}) {
    const std::vector<int64_t> ids = lab_.Submit(Training(finetune));
    ASSERT_EQ(ids.size(), 1u);
    ASSERT_EQ(lab_.AwaitEnd(ids[0]).state(), v1::SUCCEEDED);
    calm[finetune] = FinalState(lab_, ids[0]);
  }
  const absl::Time end = absl::Now() + (LongTests() ? absl::Minutes(10) : absl::Seconds(20));
  while (absl::Now() < end) {
    ASSERT_NO_FATAL_FAILURE(KeepBusy());
    PassRandomTime(2000);
    KillSomebody();
  }
  for (size_t i = 0; i < jobs_.size(); ++i) {
    const v1::Job job = lab_.AwaitEnd(jobs_[i]);
    ASSERT_EQ(job.state(), v1::SUCCEEDED) << job.id() << ": " << job.message();
    EXPECT_EQ(FinalState(lab_, job.id()), calm[i % 2 == 1]) << "job/" << job.id();
    lab_.ExpectEachStepOnce(job.id());
  }
  for (const auto& [name, count] : kills_) RecordCount(name, count);
  RecordCount("jobs_under_random_kills", static_cast<int64_t>(jobs_.size()));
}

}  // namespace
}  // namespace ecgtrain::testing
