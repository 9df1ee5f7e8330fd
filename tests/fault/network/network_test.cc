// T7: a network that is cut, dark in one or both directions, or slow, between worker and coordinator and
// between ecgctl and coordinator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "tests/fault/process/staged_job.h"
#include "tests/support/long_tests.h"
#include "tests/support/tcp_proxy.h"

namespace ecgtrain::testing {
namespace {

using ::testing::SizeIs;

class Network : public ::testing::Test {
 protected:
  Lab& lab() { return job_->lab(); }

  // A job at step 2 on a worker that reaches the coordinator through the proxy.
  void Begin(const std::string& on_lost, size_t size = 700'000) {
    job_ = std::make_unique<StagedJob>(on_lost);
    proxy_ = std::make_unique<TcpProxy>(lab().address());
    lab().SetWorkerServer(proxy_->address());
    lab().StartWorker();
    job_->Submit("ss", size);
    job_->AwaitStep(2);
  }

  // The trainer goes on although nobody hears of it.
  void TrainUnheard(const std::string& commands, const std::string& last_line) {
    job_->Tell(commands);
    const auto log = AwaitText(job_->RunFolder(1) / "trainer.log", last_line);
    ASSERT_TRUE(log.ok()) << log.status();
  }

  // The job ends well after one more step.
  void ExpectGoodEnd(uint32_t attempts) {
    job_->Tell("se");
    const v1::Job job = lab().AwaitEnd(job_->id());
    EXPECT_EQ(job.state(), v1::SUCCEEDED) << job.message();
    EXPECT_EQ(job.attempts(), attempts);
    job_->ExpectNothingLostOrDoubled(/*lapsed=*/attempts > 1);
  }

  std::unique_ptr<StagedJob> job_;
  std::unique_ptr<TcpProxy> proxy_;
};

// F5: the attempt is unreachable and no more than that.
TEST_F(Network, CutWithinTheLeaseCostsNothing) {
  Begin("requeue");
  proxy_->Cut(/*stay=*/true);
  job_->AwaitUnreachable();
  TrainUnheard("ss", "step 4");
  proxy_->Open();
  job_->AwaitStep(4);
  ExpectGoodEnd(1);
}

// F5, P5: "wait" waits, however long the cut.
TEST_F(Network, CutPastTheLeaseIsWaitedForWhereTheJobSaysSo) {
  Begin("wait");
  proxy_->Cut(/*stay=*/true);
  job_->AwaitUnreachable();
  PassTime(absl::Milliseconds(1500));
  TrainUnheard("ss", "step 4");
  EXPECT_TRUE(job_->has_owner());
  proxy_->Open();
  job_->AwaitStep(4);
  ExpectGoodEnd(1);
}

// F6: what comes back after the lease is not the owner any more.
TEST_F(Network, ZombieIsFencedAndItsStepsAreVoid) {
  Begin("requeue");
  const std::vector<pid_t> zombie = job_->Trainers();
  ASSERT_THAT(zombie, SizeIs(1));
  proxy_->Cut(/*stay=*/true);
  job_->AwaitLapse();
  TrainUnheard("sss", "step 5");
  EXPECT_TRUE(IsRunning(zombie[0]));
  proxy_->Open();
  job_->AwaitStep(2, /*attempt=*/2);
  EXPECT_FALSE(IsRunning(zombie[0]));
  EXPECT_EQ(job_->lab().Get(job_->id()).attempts(0).reason(), v1::WORKER_LOST);
  ExpectGoodEnd(2);
  EXPECT_EQ(lab().Get(job_->id()).attempts(1).last_step(), 3u) << "none of the zombie's steps";
}

TEST_F(Network, HalfOpenConnectionGoesOnWhereItStopped) {
  Begin("wait");
  proxy_->Hold(/*to_target=*/true, /*to_caller=*/true);
  job_->AwaitUnreachable();
  TrainUnheard("ssc", "step 4");
  proxy_->Open();
  job_->AwaitStep(4);
  lab().AwaitStored(job_->id());
  ExpectGoodEnd(1);
}

// The coordinator hears everything, the worker nothing: what it repeats counts once.
TEST_F(Network, LostAnswersDoubleNothing) {
  Begin("wait");
  proxy_->Hold(/*to_target=*/false, /*to_caller=*/true);
  job_->Tell("ss");
  // One report may wait for its answer; the next one comes with the new connection.
  PassTime(absl::Milliseconds(300));
  proxy_->Cut(/*stay=*/false);
  proxy_->Open();
  job_->AwaitStep(4);
  ExpectGoodEnd(1);
}

// The other way round: answers come, nothing gets out.
TEST_F(Network, WorkerThatHearsButIsNotHeardKeepsItsJob) {
  Begin("wait");
  proxy_->Hold(/*to_target=*/true, /*to_caller=*/false);
  job_->AwaitUnreachable();
  TrainUnheard("ss", "step 4");
  proxy_->Cut(/*stay=*/false);
  proxy_->Open();
  job_->AwaitStep(4);
  ExpectGoodEnd(1);
}

// F26: resumed at the committed offset, however often it is cut.
TEST_F(Network, UploadThatIsCutAgainAndAgainIsStoredWhole) {
  constexpr size_t kSize = 12 << 20;
  Begin("wait", kSize);
  proxy_->Limit(16 << 20);
  job_->Tell("c");
  lab().Until([this] { return lab().Checkpoints(job_->id()).checkpoints_size() > 0; });
  const int cuts = LongTests() ? 12 : 3;
  for (int i = 0; i < cuts; ++i) {
    PassTime(absl::Milliseconds(150));
    proxy_->Cut(/*stay=*/false);
  }
  proxy_->Open();
  lab().AwaitStored(job_->id());
  const v1::ListCheckpointsResponse listed = lab().Checkpoints(job_->id());
  for (const v1::ArtifactFile& file : listed.checkpoints(0).files()) {
    const std::string bytes = lab().Artifact(file.sha256());
    EXPECT_EQ(bytes.size(), file.size());
    EXPECT_EQ(Sha256Hex(bytes), file.sha256());
  }
  ExpectGoodEnd(1);
}

// A checkpoint on a slow line keeps neither beats nor reports waiting.
TEST_F(Network, SlowLineDelaysOnlyTheUpload) {
  Begin("requeue");
  proxy_->Limit(200'000);
  job_->Tell("cs");
  job_->AwaitStep(3);
  const v1::ListCheckpointsResponse listed = lab().Checkpoints(job_->id());
  ASSERT_THAT(listed.checkpoints(), SizeIs(1));
  lab().AwaitStored(job_->id());
  EXPECT_FALSE(lab().Get(job_->id()).attempts(0).has_unreachable_since());
  ExpectGoodEnd(1);
}

// F28: a whole life without a coordinator.
TEST_F(Network, WholeTrainingInTheDarkArrivesComplete) {
  Begin("wait");
  proxy_->Cut(/*stay=*/true);
  job_->Tell("ssscsfcre");
  ASSERT_TRUE(AwaitFile(job_->RunFolder(1) / "exit.json").ok());
  proxy_->Open();
  const v1::Job job = lab().AwaitEnd(job_->id());
  EXPECT_EQ(job.state(), v1::SUCCEEDED) << job.message();
  EXPECT_EQ(job.attempts(), 1u);
  EXPECT_TRUE(job.result().contains("test/auroc_macro"));
  job_->ExpectNothingLostOrDoubled(/*lapsed=*/false);
}

// P21, P23: ecgctl behind the broken network.
class RemoteUser : public Network {
 protected:
  // Starts ecgctl behind the proxy; its output goes to files of the lab.
  std::unique_ptr<Process> Ecgctl(std::vector<std::string> arguments) {
    users_proxy_ = std::make_unique<TcpProxy>(lab().address());
    arguments.insert(arguments.begin(),
                     {"/bin/sh", "-c", "exec \"$@\" 2>\"$0.err\"", (lab().folder() / "ecgctl").string(),
                      Program("ecgctl"), "--server", users_proxy_->address(), "--timeout", "60s"});
    return std::make_unique<Process>(arguments, lab().folder() / "ecgctl.out");
  }
  std::string Errors() { return ReadFile(lab().folder() / "ecgctl.err").value_or(""); }

  std::unique_ptr<TcpProxy> users_proxy_;  // the worker has one of its own
};

TEST_F(RemoteUser, FollowedLogHasNoGapAndNoRepeatOverCuts) {
  Begin("wait");
  const auto logs = Ecgctl({"job", "logs", "-f", absl::StrCat(job_->id())});
  ASSERT_TRUE(AwaitText(lab().folder() / "ecgctl.out", "step 2").ok()) << Errors();
  users_proxy_->Cut(/*stay=*/true);
  job_->Tell("ss");
  job_->AwaitStep(4);
  users_proxy_->Open();
  ASSERT_TRUE(AwaitText(lab().folder() / "ecgctl.out", "step 4").ok()) << Errors();
  users_proxy_->Cut(/*stay=*/false);
  ExpectGoodEnd(1);
  EXPECT_EQ(logs->Wait(), 0) << Errors();
  EXPECT_EQ(ReadFile(lab().folder() / "ecgctl.out").value_or(""),
            ReadFile(job_->RunFolder(1) / "trainer.log").value_or("-"));
}

TEST_F(RemoteUser, WaitKeepsTheJobsExitCodeOverACutAndARestart) {
  Begin("wait");
  const auto wait = Ecgctl({"job", "wait", absl::StrCat(job_->id())});
  lab().Until([this] { return !Errors().empty() || users_proxy_->connections() > 0; });
  users_proxy_->Cut(/*stay=*/true);
  lab().KillCoordinator();
  lab().StartCoordinator();
  lab().Cancel(job_->id());
  users_proxy_->Open();
  EXPECT_EQ(lab().AwaitEnd(job_->id()).state(), v1::CANCELLED);
  EXPECT_EQ(wait->Wait(), 6) << Errors();
}

}  // namespace
}  // namespace ecgtrain::testing
