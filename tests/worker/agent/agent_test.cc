#include "worker/agent/agent.h"

#include <signal.h>

#include <string>

#include "common/json.h"
#include "common/sha256.h"
#include "tests/worker/agent/agent_fixture.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class AgentTest : public AgentFixture {};

v1::StopOrder StopOf(const v1::Assignment& assignment, v1::StopRequest why, bool now = false) {
  v1::StopOrder order;
  *order.mutable_attempt() = assignment.attempt();
  order.set_why(why);
  order.set_now(now);
  return order;
}

// Numbers without gap or repeat, whatever happened on the way.
void ExpectWholeEvents(const FakeAttempt& attempt) {
  for (size_t i = 0; i < attempt.events.size(); ++i) EXPECT_EQ(attempt.events[i].seq(), i + 1);
}

TEST_F(AgentTest, WholeLifeOfAnAttemptReachesTheCoordinator) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "sscare"));
  ASSERT_TRUE(WaitForFinish(1001));
  const FakeAttempt attempt = Attempt(1001);
  EXPECT_EQ(attempt.finish->reason(), v1::COMPLETED);
  EXPECT_EQ(attempt.finish->exit_code(), 0);
  EXPECT_EQ(attempt.finish->step(), 2);
  EXPECT_THAT(attempt.events, SizeIs(9));
  ExpectWholeEvents(attempt);
  EXPECT_EQ(attempt.events[1].phase().environment().at("records.train"), "10");
  EXPECT_EQ(attempt.files.size(), 3);
  for (const auto& [digest, content] : attempt.files) EXPECT_EQ(Sha256Hex(content), digest);
  EXPECT_EQ(attempt.log, ReadAll(Directory(1) / "trainer.log"));
  EXPECT_THAT(attempt.log, HasSubstr("to standard error"));
  EXPECT_THAT(attempt.log, HasSubstr("packing synthetic"));
}

TEST_F(AgentTest, RegistersWithDevicesAndDatasets) {
  StartAgent();
  ASSERT_TRUE(coordinator_.WaitFor([](const FakeState& state) { return !state.beats.empty(); }));
  coordinator_.With([](FakeState& state) {
    const v1::RegisterWorkerRequest& registration = state.registrations.at(0);
    EXPECT_EQ(registration.name(), "worker-a");
    EXPECT_EQ(registration.devices_size(), 2);
    EXPECT_EQ(registration.devices(1).id(), "cpu/1");
    EXPECT_EQ(registration.devices(0).threads(), 2);
    EXPECT_EQ(registration.datasets(0).name(), "synthetic");
    EXPECT_EQ(state.beats[0].beat(), 1);
    EXPECT_GT(state.beats[0].disk_free_bytes(), 0);
  });
}

TEST_F(AgentTest, SpecAndEnvironmentAreThoseOfTheContract) {
  StartAgent();
  v1::Assignment assignment = MakeAssignment(1, "");
  assignment.set_source_digest("d1");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 2));
  const auto spec = ParseJson(ReadAll(Directory(1) / "spec.json"), "spec");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ((*spec)["format"], 1);
  EXPECT_EQ((*spec)["token"], 1001);
  EXPECT_EQ((*spec)["spec"]["pretrain"]["dataset"], "synthetic");
  EXPECT_EQ((*spec)["data"]["source_digest"], "d1");
  EXPECT_EQ((*spec)["device"]["threads"], 2);
  const std::string environment = ReadAll("/proc/" + std::to_string(TrainerPid(assignment)) + "/environ");
  EXPECT_THAT(environment, HasSubstr(std::string("CUDA_VISIBLE_DEVICES=\0", 22)));
  EXPECT_THAT(environment, HasSubstr("OMP_NUM_THREADS=2"));
  EXPECT_THAT(environment, testing::Not(HasSubstr("FAKE_TRAINER")));
}

TEST_F(AgentTest, StartOrderedTwiceStartsOnce) {
  StartAgent();
  coordinator_.AssignAnyway(MakeAssignment(1, ""), 3);
  ASSERT_TRUE(WaitForEvents(1001, 2));
  Tell("se");
  ASSERT_TRUE(WaitForFinish(1001));
  coordinator_.AssignAnyway(MakeAssignment(1, ""), 1);  // late, after the end
  coordinator_.Assign(MakeAssignment(2, "e"));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_THAT(Attempt(1001).events, SizeIs(4));
  EXPECT_EQ(Attempt(1001).finishes, 1);
}

TEST_F(AgentTest, SuccessorAdoptsTheLivingTrainer) {
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "ss");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 6));
  const pid_t pid = TrainerPid(assignment);
  StopAgent();
  Tell("ssc");
  StartAgent();
  ASSERT_TRUE(WaitForEvents(1001, 11));
  EXPECT_EQ(TrainerPid(assignment), pid);
  Tell("se");
  ASSERT_TRUE(WaitForFinish(1001));
  const FakeAttempt attempt = Attempt(1001);
  ExpectWholeEvents(attempt);
  EXPECT_THAT(attempt.events, SizeIs(13));
  EXPECT_EQ(attempt.repeated_events, 0);
  EXPECT_EQ(attempt.files.size(), 2);
  EXPECT_EQ(attempt.finish->reason(), v1::COMPLETED);
  EXPECT_EQ(attempt.log, ReadAll(Directory(1) / "trainer.log"));
  coordinator_.With([](FakeState& state) { EXPECT_EQ(state.registrations.at(1).attempts_size(), 1); });
}

TEST_F(AgentTest, ExitFileDecidesWhenTheTrainerEndedMeanwhile) {
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "s");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  const pid_t pid = TrainerPid(assignment);
  StopAgent();
  Tell("scre");
  Reap(pid);
  StartAgent();
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::COMPLETED);
  EXPECT_EQ(Attempt(1001).finish->exit_code(), -1);
  EXPECT_THAT(Attempt(1001).events, SizeIs(8));
  EXPECT_EQ(Attempt(1001).files.size(), 2);
}

TEST_F(AgentTest, TrainerGoneMeanwhileWithoutExitFileHasCrashed) {
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "s");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  const pid_t pid = TrainerPid(assignment);
  StopAgent();
  Tell("k");
  Reap(pid);
  StartAgent();
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::TRAINER_CRASHED);
  EXPECT_THAT(Attempt(1001).finish->message(), HasSubstr("exit status unknown"));
}

TEST_F(AgentTest, TrainerWithoutProcessRecordIsFoundByItsCommandLine) {
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "s");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  ASSERT_GT(TrainerPid(assignment), 0);
  StopAgent();
  std::filesystem::remove(Directory(1) / "process.json");
  StartAgent();
  Tell("se");
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::COMPLETED);
}

TEST_F(AgentTest, StopOrderLeadsToACheckpointAndItsReason) {
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "s");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  coordinator_.OrderStop(StopOf(assignment, v1::STOP_PAUSE));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::STOPPED_PAUSE);
  EXPECT_EQ(Attempt(1001).finish->exit_code(), 10);
  EXPECT_EQ(Attempt(1001).files.size(), 2);
}

TEST_F(AgentTest, TrainerThatIgnoresTheStopIsKilledAfterTheGrace) {
  coordinator_.SetStopGrace(absl::Milliseconds(200));
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "hs");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  coordinator_.OrderStop(StopOf(assignment, v1::STOP_PREEMPT));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::PREEMPTED);
  EXPECT_EQ(Attempt(1001).finish->exit_code(), 128 + SIGKILL);
}

TEST_F(AgentTest, AdoptedTrainerHasTheGraceThatTheCoordinatorTells) {
  StartAgent();  // the grace is two minutes
  const v1::Assignment assignment = MakeAssignment(1, "hs");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  const pid_t pid = TrainerPid(assignment);
  coordinator_.OrderStop(StopOf(assignment, v1::STOP_CANCEL));
  ASSERT_TRUE(WaitForState(1001, v1::HeldAttempt::STOPPING));
  StopAgent();
  coordinator_.SetStopGrace(absl::Milliseconds(200));
  StartAgent();
  Reap(pid);
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::STOPPED_CANCEL);
}

TEST_F(AgentTest, StopNowKillsWithoutWaiting) {
  StartAgent();  // the grace is two minutes
  const v1::Assignment assignment = MakeAssignment(1, "hs");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  coordinator_.OrderStop(StopOf(assignment, v1::STOP_CANCEL, /*now=*/true));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::STOPPED_CANCEL);
}

TEST_F(AgentTest, StopOutlivesTheWorkerThatWasAskedForIt) {
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "hs");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  const pid_t pid = TrainerPid(assignment);
  coordinator_.OrderStop(StopOf(assignment, v1::STOP_TIMEOUT));
  ASSERT_TRUE(WaitForState(1001, v1::HeldAttempt::STOPPING));
  StopAgent();
  Tell("k");
  Reap(pid);
  StartAgent();
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::TIMEOUT);
}

TEST_F(AgentTest, StaleTokenKillsTheTrainerAndKeepsTheDirectoryAsOrphan) {
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "hs");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  const pid_t pid = TrainerPid(assignment);
  coordinator_.With([](FakeState& state) { state.attempts[1001].stale = true; });
  Tell("s");
  coordinator_.Assign(MakeAssignment(2, "e"));  // same device: starts when the zombie is gone
  ASSERT_TRUE(WaitForFinish(1002));
  ASSERT_TRUE(coordinator_.WaitFor(
      [](const FakeState& state) { return !state.beats.empty() && state.beats.back().attempts().empty(); }));
  EXPECT_FALSE(ProcessStartTime(pid).ok());
  EXPECT_FALSE(std::filesystem::exists(Directory(1)));
  EXPECT_TRUE(std::filesystem::exists(settings_.state_dir / "orphans" / "1.1-1001" / "events.jsonl"));
  EXPECT_EQ(Attempt(1001).finishes, 0);
}

TEST_F(AgentTest, ForgottenAttemptMayCheckpointBeforeItBecomesAnOrphan) {
  StartAgent();
  const v1::Assignment assignment = MakeAssignment(1, "s");
  coordinator_.AssignAnyway(assignment, 1);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  coordinator_.Forget(assignment.attempt());
  coordinator_.Assign(MakeAssignment(2, "e"));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_TRUE(std::filesystem::exists(settings_.state_dir /
                                      "orphans/1.1-1001/checkpoints/step-000000001/model.safetensors"));
}

TEST_F(AgentTest, CoordinatorThatWasAwayGetsAnExactReplay) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "s"));
  ASSERT_TRUE(WaitForEvents(1001, 4));
  coordinator_.Stop();
  Tell("sscfre");
  coordinator_.Start();
  ASSERT_TRUE(WaitForFinish(1001));
  const FakeAttempt attempt = Attempt(1001);
  ExpectWholeEvents(attempt);
  EXPECT_THAT(attempt.events, SizeIs(4 + 4 + 1 + 20'000 + 1));
  EXPECT_EQ(attempt.log, ReadAll(Directory(1) / "trainer.log"));
  EXPECT_EQ(attempt.finish->reason(), v1::COMPLETED);
}

TEST_F(AgentTest, CoordinatorRestoredFromABackupGetsTheLostEventsAgain) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "ssc"));
  ASSERT_TRUE(
      coordinator_.WaitFor([](const FakeState& state) { return state.attempts.at(1001).files.size() == 2; }));
  coordinator_.With([](FakeState& state) {
    state.attempts[1001].events.resize(3);
    state.attempts[1001].log.resize(4);
    state.attempts[1001].files.clear();
  });
  Tell("se");
  ASSERT_TRUE(WaitForFinish(1001));
  ExpectWholeEvents(Attempt(1001));
  EXPECT_THAT(Attempt(1001).events, SizeIs(9));
  EXPECT_EQ(Attempt(1001).files.size(), 2);
  EXPECT_EQ(Attempt(1001).log, ReadAll(Directory(1) / "trainer.log"));
}

TEST_F(AgentTest, WorkerRegistersAgainWhenTheCoordinatorHasForgottenIt) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "s"));
  ASSERT_TRUE(WaitForEvents(1001, 4));
  coordinator_.ForgetRegistration();
  ASSERT_TRUE(coordinator_.WaitFor([](const FakeState& state) { return state.registrations.size() == 2; }));
  coordinator_.With([](FakeState& state) {
    EXPECT_EQ(state.registrations[1].attempts_size(), 1);
    EXPECT_EQ(state.registrations[0].incarnation(), state.registrations[1].incarnation());
  });
}

TEST_F(AgentTest, BadLineBecomesAWarningInItsPlace) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "sbste"));
  ASSERT_TRUE(WaitForFinish(1001));
  const FakeAttempt attempt = Attempt(1001);
  ASSERT_THAT(attempt.events, SizeIs(7));  // the half line at the end is none
  ExpectWholeEvents(attempt);
  EXPECT_EQ(attempt.events[4].warning().code(), "BAD_EVENT");
  EXPECT_TRUE(attempt.events[5].has_progress());
}

TEST_F(AgentTest, RefusedEventDoesNotHoldUpTheOthers) {
  const grpc::Status refusal(grpc::StatusCode::INVALID_ARGUMENT, "no such metric");
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, ""));
  ASSERT_TRUE(WaitForEvents(1001, 2));
  StopAgent();
  Tell("sse");
  // The position, then the batch, then its first event are refused or taken in this order.
  coordinator_.FailNext("ReportEvents", {refusal, refusal});
  StartAgent();
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_THAT(Attempt(1001).events, SizeIs(6));
  ExpectWholeEvents(Attempt(1001));
}

TEST_F(AgentTest, CrashIsNamedByItsSignal) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "sk"));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::TRAINER_CRASHED);
  EXPECT_EQ(Attempt(1001).finish->exit_code(), 137);
  EXPECT_THAT(Attempt(1001).events, SizeIs(4));
}

TEST_F(AgentTest, ExitCodeSpeaksWhereTheExitFileIsMissing) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "n"));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::OOM_GPU);
}

TEST_F(AgentTest, DrainStopsTrainersShipsAndEnds) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "s"));
  ASSERT_TRUE(WaitForEvents(1001, 4));
  agent_->Drain();
  ASSERT_TRUE(AgentIsOver());
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::DRAINED);
  EXPECT_EQ(Attempt(1001).files.size(), 2);
}

TEST_F(AgentTest, DrainWithoutACoordinatorEndsAndLeavesTheRestToASuccessor) {
  settings_.upload_time = absl::Milliseconds(500);
  coordinator_.SetStopGrace(absl::Milliseconds(500));
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "s"));
  ASSERT_TRUE(WaitForEvents(1001, 4));
  coordinator_.Stop();
  Tell("s");
  agent_->Drain();
  ASSERT_TRUE(AgentIsOver());
  StopAgent();
  EXPECT_TRUE(std::filesystem::exists(Directory(1) / "exit.json")) << "stopped with a checkpoint";
  coordinator_.Start();
  StartAgent();
  ASSERT_TRUE(WaitForFinish(1001));
  const FakeAttempt attempt = Attempt(1001);
  EXPECT_EQ(attempt.finish->reason(), v1::DRAINED);
  EXPECT_EQ(attempt.files.size(), 2);
  ExpectWholeEvents(attempt);
}

TEST_F(AgentTest, IdleWorkerLeaves) {
  settings_.exit_when_idle = absl::Milliseconds(50);
  StartAgent();
  EXPECT_TRUE(AgentIsOver());
}

TEST_F(AgentTest, SecondWorkerOnTheSameStateFolderIsRefused) {
  StartAgent();
  const auto second = Agent::Create(settings_, devices_, *link_, clock_, [] {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), HasSubstr("another ecg-worker"));
}

}  // namespace
}  // namespace ecgtrain
