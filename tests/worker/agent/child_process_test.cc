#include "worker/agent/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <string>

#include "common/durable_file.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

class ChildProcessTest : public testing::Test {
 protected:
  ChildOptions Shell(const std::string& script) {
    output_ =
        UniqueFd(open((folder_.path() / "output").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    return {.program = "/bin/sh",
            .arguments = {"-c", script},
            .environment = {"PATH=/bin:/usr/bin", "ONLY=this"},
            .directory = folder_.path(),
            .stdout_fd = output_.get(),
            .stderr_fd = output_.get()};
  }
  std::unique_ptr<ChildProcess> Spawn(const std::string& script) {
    auto child = ChildProcess::Spawn(Shell(script), [this](const ProcessEnd& end) { ended_.set_value(end); });
    EXPECT_TRUE(child.ok()) << child.status();
    return child.ok() ? *std::move(child) : nullptr;
  }
  ProcessEnd End() { return ended_.get_future().get(); }
  std::string Output() { return ReadFile(folder_.path() / "output").value_or("nothing"); }

  TemporaryFolder folder_;
  UniqueFd output_;
  std::promise<ProcessEnd> ended_;
};

TEST_F(ChildProcessTest, ExitCodeIsTold) {
  const auto child = Spawn("exit 7");
  EXPECT_EQ(End().exit_code, 7);
}

TEST_F(ChildProcessTest, SignalIsTold) {
  const auto child = Spawn("kill -USR1 $$");
  const ProcessEnd end = End();
  EXPECT_EQ(end.signal, SIGUSR1);
  EXPECT_FALSE(end.exit_code.has_value());
}

TEST_F(ChildProcessTest, EnvironmentFolderAndOutputAreThoseGiven) {
  const auto child = Spawn("echo $ONLY; echo \"[$HOME]\"; pwd; echo problem >&2; cat");
  EXPECT_EQ(End().exit_code, 0);
  EXPECT_EQ(Output(), "this\n[]\n" + folder_.path().string() + "\nproblem\n");
}

TEST_F(ChildProcessTest, DescriptorsOfTheParentAreNotInherited) {
  const UniqueFd leaky(open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  ASSERT_GT(leaky.get(), 2);
  const auto child = Spawn("for f in /proc/self/fd/*; do readlink $f; done | grep -c null");
  EXPECT_EQ(End().exit_code, 0);
  EXPECT_EQ(Output(), "1\n");  // standard input
}

TEST_F(ChildProcessTest, BlockedSignalsOfTheParentAreOpenInTheChild) {
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);
  const auto child = Spawn("kill -TERM $$; exit 3");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(End().signal, SIGTERM);
}

TEST_F(ChildProcessTest, KillEndsTheWholeGroup) {
  ASSERT_EQ(mkfifo((folder_.path() / "fifo").c_str(), 0600), 0);
  // The grandchild holds the writing end of the fifo until it is gone.
  const auto child = Spawn("(exec 3>fifo; read x < /dev/zero) & exec cat /dev/zero > /dev/null");
  const UniqueFd fifo(
      open((folder_.path() / "fifo").c_str(), O_RDONLY | O_CLOEXEC));  // returns when it has opened
  child->Kill();
  EXPECT_EQ(End().signal, SIGKILL);
  char byte;
  EXPECT_EQ(read(fifo.get(), &byte, 1), 0);
}

TEST_F(ChildProcessTest, WhatAProcessLeavesBehindInItsGroupIsKilled) {
  ASSERT_EQ(mkfifo((folder_.path() / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((folder_.path() / "gate").c_str(), 0600), 0);
  const auto child = Spawn("(exec 3>fifo; read x < /dev/zero) & read y < gate; exit 4");
  const UniqueFd fifo(open((folder_.path() / "fifo").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd gate(open((folder_.path() / "gate").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(write(gate.get(), "\n", 1), 1);
  EXPECT_EQ(End().exit_code, 4);
  char byte;
  EXPECT_EQ(read(fifo.get(), &byte, 1), 0);
}

TEST_F(ChildProcessTest, MissingProgramIsNotFound) {
  ChildOptions options = Shell("");
  options.program = "/nonexistent/program";
  const auto child = ChildProcess::Spawn(options, [](const ProcessEnd&) {});
  EXPECT_EQ(child.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(child.status().message(), testing::HasSubstr("/nonexistent/program"));
}

TEST_F(ChildProcessTest, WatchingEndsWithTheObjectAndTheProcessGoesOn) {
  auto child = Spawn("read x < /dev/zero");
  const pid_t pid = child->pid();
  const uint64_t start_time = child->start_time();
  child.reset();
  EXPECT_EQ(ProcessStartTime(pid).value_or(0), start_time);
  auto adopted =
      ChildProcess::Adopt(pid, start_time, [this](const ProcessEnd& end) { ended_.set_value(end); });
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  (*adopted)->Terminate();
  EXPECT_EQ(End().signal, SIGTERM);
}

TEST_F(ChildProcessTest, AnotherProcessWithTheSameNumberIsNotAdopted) {
  const auto child = Spawn("read x < /dev/zero");
  const auto adopted = ChildProcess::Adopt(child->pid(), child->start_time() + 1, [](const ProcessEnd&) {});
  EXPECT_EQ(adopted.status().code(), absl::StatusCode::kNotFound);
  child->Kill();
  EXPECT_EQ(End().signal, SIGKILL);
}

TEST_F(ChildProcessTest, ProcessIsFoundByAnArgument) {
  ASSERT_EQ(mkfifo((folder_.path() / "fifo").c_str(), 0600), 0);
  const std::string script = "exec 3>fifo; read x < /dev/zero # " + folder_.path().string();
  const auto child = Spawn(script);
  // The kernel shows the arguments a moment after the start; once the script runs they are there.
  const UniqueFd fifo(open((folder_.path() / "fifo").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(FindProcessWithArgument(script), child->pid());
  EXPECT_FALSE(FindProcessWithArgument(script + "!").has_value());
  child->Kill();
  EXPECT_EQ(End().signal, SIGKILL);
}

}  // namespace
}  // namespace ecgtrain
