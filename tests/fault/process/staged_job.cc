#include "tests/fault/process/staged_job.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/json.h"

namespace ecgtrain::testing {
namespace {

LabFlags WithFakes() {
  LabFlags flags = QuickTimes();
  flags.worker = {"--trainer", std::getenv("FAKE_TRAINER"), "--data-tool", std::getenv("FAKE_DATA_TOOL")};
  return flags;
}

const v1::Attempt* Last(const v1::GetJobResponse& response) {
  return response.attempts().empty() ? nullptr : &*response.attempts().rbegin();
}

}  // namespace

StagedJob::StagedJob(std::string on_lost) : lab_(WithFakes()), on_lost_(std::move(on_lost)) {
  EXPECT_TRUE(MakeDirectories(State() / "packs").ok());
  lab_.StartCoordinator();
}

void StagedJob::Submit(const std::string& script, size_t size) {
  const std::vector<int64_t> jobs = lab_.Submit(
      absl::StrCat("name: staged\npretrain: {dataset: synthetic}\nmodel: {preset: tiny}\non_lost: ", on_lost_,
                   "\nlabels: {script: ", script, ", size: \"", size, "\"}\n"));
  ASSERT_EQ(jobs.size(), 1u);
  id_ = jobs[0];
  const std::filesystem::path gate = State() / absl::StrCat("gate-", id_);
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  gate_ = UniqueFd(open(gate.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(gate_.valid());
}

void StagedJob::Tell(const std::string& commands) {
  ASSERT_TRUE(WriteFully(gate_.get(), commands, "gate").ok());
}

void StagedJob::HoldPreparation() { ASSERT_EQ(mkfifo((State() / "packs" / "hold").c_str(), 0600), 0); }

void StagedJob::ReleasePreparation() {
  const std::filesystem::path hold = State() / "packs" / "hold";
  const UniqueFd writer(open(hold.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(writer.valid());
  std::filesystem::remove(hold);
}

void StagedJob::AwaitPreparation() { ASSERT_TRUE(AwaitFile(State() / "packs" / "calls").ok()); }

bool StagedJob::has_owner() {
  const v1::GetJobResponse now = lab_.Get(id_);
  return Last(now) != nullptr && Last(now)->state() != v1::ENDED;
}

void StagedJob::AwaitStep(uint64_t step, uint32_t attempt) {
  lab_.Await(id_, [=](const v1::Job& job) {
    return job.state() == v1::RUNNING && job.attempts() >= attempt && job.progress().step() >= step;
  });
}

void StagedJob::AwaitUnreachable() {
  lab_.Until([this] {
    const v1::GetJobResponse now = lab_.Get(id_);
    return Last(now)->has_unreachable_since() || Last(now)->state() == v1::ENDED;
  });
}

void StagedJob::AwaitLapse() {
  lab_.Until([this] { return lab_.Get(id_).attempts(0).state() == v1::ENDED; });
}

std::string StagedJob::RunFile(const v1::Attempt& attempt, const std::string& name) const {
  const std::string directory = absl::StrCat(attempt.job_id(), ".", attempt.number());
  const auto file = ReadFile(State() / "attempts" / directory / name);
  if (file.ok()) return *file;
  return ReadFile(State() / "orphans" / absl::StrCat(directory, "-", attempt.token()) / name).value_or("");
}

std::vector<pid_t> StagedJob::Trainers() {
  std::vector<pid_t> pids;
  const v1::GetJobResponse now = lab_.Get(id_);
  for (const v1::Attempt& attempt : now.attempts()) {
    const auto process = ParseJson(RunFile(attempt, "process.json"), "process.json");
    if (process.ok()) pids.push_back((*process)["pid"].get<pid_t>());
  }
  return pids;
}

void StagedJob::ExpectOneOwner() {
  const v1::GetJobResponse now = lab_.Get(id_);
  for (int i = 0; i < now.attempts_size(); ++i) {
    const v1::Attempt& attempt = now.attempts(i);
    if (i + 1 < now.attempts_size()) {
      EXPECT_EQ(attempt.state(), v1::ENDED) << attempt.number();
      EXPECT_LT(attempt.token(), now.attempts(i + 1).token());
    }
  }
  const std::vector<pid_t> trainers = Trainers();
  for (size_t i = 0; i + 1 < trainers.size(); ++i)
    EXPECT_FALSE(IsRunning(trainers[i])) << "trainer " << trainers[i] << " of an earlier attempt";
}

void StagedJob::ExpectNothingLostOrDoubled(bool lapsed) {
  for (const pid_t trainer : Trainers()) EXPECT_TRUE(AwaitExit(trainer)) << trainer;
  ExpectOneOwner();
  EXPECT_FALSE(has_owner());
  const v1::GetJobResponse now = lab_.Get(id_);
  lab_.ExpectEachStepOnce(id_);
  for (const v1::Attempt& attempt : now.attempts()) {
    const std::string file = RunFile(attempt, "trainer.log");
    const std::string log = lab_.Log(id_, attempt.number());
    if (lapsed) {
      EXPECT_TRUE(absl::StartsWith(file, log)) << log << "\n--- is not the beginning of\n" << file;
    } else {
      EXPECT_EQ(log, file);
    }
  }
}

}  // namespace ecgtrain::testing
