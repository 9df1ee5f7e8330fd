// ecg-worker as a program: flags, signals, and adoption across processes.
#include <fcntl.h>
#include <signal.h>

#include <future>
#include <string>

#include "common/durable_file.h"
#include "tests/worker/agent/agent_fixture.h"
#include "worker/agent/child_process.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

class WorkerProgramTest : public AgentFixture {
 protected:
  struct Worker {
    std::unique_ptr<ChildProcess> process;
    std::future<ProcessEnd> end;
  };
  Worker Run(std::vector<std::string> arguments) {
    const UniqueFd log(
        open((folder_ / "worker.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    auto ended = std::make_shared<std::promise<ProcessEnd>>();  // shared with the callback
    Worker worker{.end = ended->get_future()};
    auto process = ChildProcess::Spawn({.program = getenv("ECG_WORKER"),
                                        .arguments = std::move(arguments),
                                        .environment = {"ECGTRAIN_NVML=/nonexistent", "HOME=/"},
                                        .directory = folder_,
                                        .stdout_fd = log.get(),
                                        .stderr_fd = log.get()},
                                       [ended](const ProcessEnd& end) { ended->set_value(end); });
    EXPECT_TRUE(process.ok()) << process.status();
    if (process.ok()) worker.process = *std::move(process);
    return worker;
  }
  Worker RunOnCoordinator() {
    return Run({"--server", coordinator_.address(), "--name", "w", "--state-dir", settings_.state_dir,
                "--cpu-slots", "1", "--trainer", settings_.trainer, "--data-tool", settings_.data_tool});
  }
  std::string Log() { return ReadAll(folder_ / "worker.log"); }
};

TEST_F(WorkerProgramTest, UsageErrorsAreOneLineAndExitCodeTwo) {
  EXPECT_EQ(Run({"--state-dir", "x"}).end.get().exit_code, 2);
  EXPECT_THAT(Log(), HasSubstr("ecg-worker: no server: give --server HOST:PORT\n"));
  ASSERT_TRUE(WriteFileDurably(folder_ / "worker.yaml", "servr: a:1\n").ok());
  EXPECT_EQ(Run({"--config", "worker.yaml"}).end.get().exit_code, 2);
  EXPECT_THAT(Log(), HasSubstr("unknown key \"servr\"; did you mean \"server\"?"));
  EXPECT_EQ(Run({"--server", "10.0.0.1:1", "--state-dir", "x", "--token-file", "worker.yaml", "--trainer",
                 "/bin/true", "--data-tool", "/bin/true"})
                .end.get()
                .exit_code,
            1);
  EXPECT_THAT(Log(), HasSubstr("--ca"));
}

TEST_F(WorkerProgramTest, TerminationDrains) {
  Worker worker = RunOnCoordinator();
  coordinator_.Assign(MakeAssignment(1, "s"));
  ASSERT_TRUE(WaitForEvents(1001, 4));
  worker.process->Terminate();
  EXPECT_EQ(worker.end.get().exit_code, 0) << Log();
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::DRAINED);
  EXPECT_EQ(Attempt(1001).files.size(), 2);
}

TEST_F(WorkerProgramTest, SuccessorAdoptsWhatTheFirstOneLeftRunning) {
  Worker first = RunOnCoordinator();
  const v1::Assignment assignment = MakeAssignment(1, "ss");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 6));
  const pid_t pid = TrainerPid(assignment);
  kill(first.process->pid(), SIGUSR2);
  EXPECT_EQ(first.end.get().exit_code, 0) << Log();
  EXPECT_TRUE(ProcessStartTime(pid).ok());
  Tell("sc");
  Worker second = RunOnCoordinator();
  ASSERT_TRUE(WaitForEvents(1001, 9));
  Tell("e");
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::COMPLETED);
  EXPECT_EQ(Attempt(1001).finish->exit_code(), -1);  // not a child of the second
  EXPECT_EQ(Attempt(1001).repeated_events, 0);
  second.process->Terminate();
  EXPECT_EQ(second.end.get().exit_code, 0) << Log();
}

TEST_F(WorkerProgramTest, KilledWorkerCostsTheTrainerNothing) {
  Worker first = RunOnCoordinator();
  const v1::Assignment assignment = MakeAssignment(1, "s");
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForEvents(1001, 4));
  const pid_t pid = TrainerPid(assignment);
  kill(first.process->pid(), SIGKILL);
  EXPECT_EQ(first.end.get().signal, SIGKILL);
  Tell("scare");
  Worker second = RunOnCoordinator();
  ASSERT_TRUE(WaitForFinish(1001));
  const FakeAttempt attempt = Attempt(1001);
  EXPECT_EQ(attempt.finish->reason(), v1::COMPLETED);
  EXPECT_EQ(attempt.events.size(), 9);
  EXPECT_EQ(attempt.files.size(), 3);
  EXPECT_EQ(attempt.log, ReadAll(Directory(1) / "trainer.log"));
  EXPECT_FALSE(ProcessStartTime(pid).ok());
  second.process->Terminate();
  EXPECT_EQ(second.end.get().exit_code, 0) << Log();
}

}  // namespace
}  // namespace ecgtrain
