// The program itself: its process, streams, exit code and signals.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "tests/client/client_fixture.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

class EcgctlTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("ECGTRAIN_BIN_DIR");
    if (folder == nullptr) GTEST_SKIP() << "ECGTRAIN_BIN_DIR does not say where the program is";
    program_ = absl::StrCat(folder, "/ecgctl");
  }

  pid_t Start(std::vector<std::string> words) {
    words.insert(words.begin(), program_);
    return StartProgram(words);
  }

  // Any program, with ecgctl on its path.
  pid_t StartProgram(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::string server = absl::StrCat("ECGCTL_SERVER=", fake_.address());
    std::string path =
        absl::StrCat("PATH=", std::filesystem::path(program_).parent_path().string(), ":/usr/bin:/bin");
    char* environment[] = {server.data(), path.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const int flags = O_CREAT | O_WRONLY | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, 1, out_.c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err_.c_str(), flags, 0600);
    pid_t pid = -1;
    EXPECT_EQ(posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
  }

  static int Wait(pid_t pid) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  static FakeState State() {
    FakeState state;
    state.jobs = {MakeJob(42, "pre", v1::RUNNING)};
    state.watches = {{{MakeEvent(3, "leased", v1::RUNNING)}, grpc::Status::OK, /*held=*/true}};
    return state;
  }

  TemporaryFolder folder_;
  FakeTrainingService fake_{State()};
  std::string program_;
  std::string out_ = folder_.path() / "out";
  std::string err_ = folder_.path() / "err";
};

TEST_F(EcgctlTest, DataGoesToStandardOutputAndExitCodeIsZero) {
  EXPECT_EQ(Wait(Start({"job", "list", "-q"})), 0);
  EXPECT_EQ(*ReadFile(out_), "job/42\n");
  EXPECT_EQ(*ReadFile(err_), "");
}

TEST_F(EcgctlTest, ErrorsGoToStandardErrorWithTheirCode) {
  EXPECT_EQ(Wait(Start({"job", "get", "77"})), 3);
  EXPECT_EQ(*ReadFile(out_), "");
  EXPECT_THAT(*ReadFile(err_), HasSubstr("no job job/77"));
}

// Sources the completion script in the shell itself and asks it as Tab does.
TEST_F(EcgctlTest, BashCompletesVerbsAndLiveJobsFromItsScript) {
  const std::string bash = "/bin/bash";
  if (access(bash.c_str(), X_OK) != 0) GTEST_SKIP() << "no bash here";
  const std::string script = R"(
set -eu
source <(ecgctl completion bash)
complete -p ecgctl | grep -q _ecgctl
ask() { COMP_WORDS=(ecgctl "$@"); COMP_CWORD=$#; _ecgctl; echo "${COMPREPLY[*]}"; }
# Live candidates may come too late for one Tab on a slow machine: as a person does, ask again.
ask_live() { local answer= i; for i in {1..20}; do answer=$(ask "$@" 2>/dev/null) || true; [ -z "$answer" ] || break; done; echo "$answer"; }
ask job re
ask_live job get job/
ask completion z
)";
  EXPECT_EQ(Wait(StartProgram({bash, "-c", script})), 0) << *ReadFile(err_);
  EXPECT_EQ(*ReadFile(out_), "requeue resume\njob/42\nzsh\n");
  EXPECT_EQ(*ReadFile(err_), "");
}

TEST_F(EcgctlTest, ZshAcceptsItsScript) {
  const std::string zsh = "/usr/bin/zsh";
  if (access(zsh.c_str(), X_OK) != 0) GTEST_SKIP() << "no zsh here";
  const std::string script =
      "autoload -U compinit && compinit -D && source <(ecgctl completion zsh) && print $_comps[ecgctl]";
  EXPECT_EQ(Wait(StartProgram({zsh, "-f", "-c", script})), 0) << *ReadFile(err_);
  EXPECT_EQ(*ReadFile(out_), "_ecgctl\n");
}

TEST_F(EcgctlTest, FishCompletesFromItsScript) {
  const std::string fish = "/usr/bin/fish";
  if (access(fish.c_str(), X_OK) != 0) GTEST_SKIP() << "no fish here";
  const std::string script = "ecgctl completion fish | source; complete -C 'ecgctl job re'";
  EXPECT_EQ(Wait(StartProgram({fish, "--no-config", "-c", script})), 0) << *ReadFile(err_);
  EXPECT_EQ(*ReadFile(out_), "requeue\nresume\n");
}

TEST_F(EcgctlTest, CtrlCDetachesFromTheJob) {
  const pid_t pid = Start({"job", "watch", "42"});
  while (fake_.record().watches.empty()) std::this_thread::yield();
  ASSERT_EQ(kill(pid, SIGINT), 0);
  EXPECT_EQ(Wait(pid), 130);
  EXPECT_THAT(*ReadFile(err_), HasSubstr("detached; job/42 is RUNNING; ecgctl job watch 42"));
}

}  // namespace
}  // namespace ecgtrain
