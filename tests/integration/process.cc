#include "tests/integration/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/unique_fd.h"

extern char** environ;

namespace ecgtrain::testing {
namespace {

pid_t Spawn(const std::vector<std::string>& arguments, const std::string& input, const std::string& output,
            const std::string& errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (errors == output) {
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
  } else {
    posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(error, 0) << "cannot start " << arguments[0];
  return error == 0 ? pid : -1;
}

int ExitCode(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::filesystem::path& log)
    : pid_(Spawn(arguments, "/dev/null", log.string(), log.string())) {}

Process::~Process() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Process::Signal(int signal) const {
  if (pid_ >= 0) kill(pid_, signal);
}

int Process::Wait() {
  int status = 0;
  if (pid_ < 0 || waitpid(pid_, &status, 0) != pid_) return -1;
  pid_ = -1;
  return ExitCode(status);
}

absl::StatusOr<std::string> AwaitFile(const std::filesystem::path& path, absl::Duration limit) {
  return AwaitText(path, "", limit);
}

absl::StatusOr<std::string> AwaitText(const std::filesystem::path& path, const std::string& text,
                                      absl::Duration limit) {
  UniqueFd watch(inotify_init1(IN_CLOEXEC));
  // The folder may not be there yet either: watch the nearest one that is.
  const absl::Time deadline = absl::Now() + limit;
  while (true) {
    std::filesystem::path folder = path.parent_path();
    while (!std::filesystem::exists(folder)) folder = folder.parent_path();
    inotify_add_watch(watch.get(), folder.c_str(), IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY);
    absl::StatusOr<std::string> content = ReadFile(path);
    if (content.ok() && !content->empty() && absl::StrContains(*content, text)) return content;
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat("no \"", text, "\" in ", path.string(), ":\n", content.value_or("")));
    }
    pollfd poll_watch{watch.get(), POLLIN, 0};
    if (poll(&poll_watch, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) > 0) {
      char events[4096];
      if (read(watch.get(), events, sizeof events) < 0)
        return absl::InternalError("cannot read notifications");
    }
  }
}

bool AwaitExit(pid_t pid, absl::Duration limit) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return errno == ESRCH;
  pollfd ended{process.get(), POLLIN, 0};
  return poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(limit))) == 1;
}

void PassTime(absl::Duration duration) {
  if (duration > absl::ZeroDuration())
    poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(duration)) + 1);
}

bool IsRunning(pid_t pid) {
  const std::string line = ReadFile(absl::StrCat("/proc/", pid, "/stat")).value_or("");
  const size_t name_end = line.rfind(')');
  return name_end != std::string::npos && line.size() > name_end + 2 && line[name_end + 2] != 'Z';
}

CommandResult RunCommand(const std::vector<std::string>& arguments, const std::string& input) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / NewUuid();
  std::filesystem::create_directories(folder);
  EXPECT_TRUE(WriteFileDurably(folder / "in", input).ok());
  const pid_t pid = Spawn(arguments, folder / "in", folder / "out", folder / "err");
  CommandResult result;
  int status = 0;
  result.exit_code = pid > 0 && waitpid(pid, &status, 0) == pid ? ExitCode(status) : -1;
  result.output = ReadFile(folder / "out").value_or("");
  result.errors = ReadFile(folder / "err").value_or("");
  std::filesystem::remove_all(folder);
  return result;
}

std::string Program(const std::string& name) {
  const char* folder = std::getenv("ECGTRAIN_BIN_DIR");
  EXPECT_NE(folder, nullptr) << "ctest sets ECGTRAIN_BIN_DIR";
  return std::string(folder != nullptr ? folder : ".") + "/" + name;
}

}  // namespace ecgtrain::testing
