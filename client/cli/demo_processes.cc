#include "client/cli/demo_processes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/unique_fd.h"

namespace ecgtrain {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kLookAtProcess = absl::Milliseconds(50);
constexpr absl::Duration kDefaultGrace = absl::Seconds(10);

// Between fork and exec: only calls that are safe in a child of a program with threads.
[[noreturn]] void BecomeProgram(const char* program, char* const* arguments, int log, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // The parent may have died before prctl.
  if (getppid() != parent) _exit(126);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int input = open("/dev/null", O_RDONLY);
  dup2(input, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(program, arguments);
  _exit(127);
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) return absl::StrCat("by signal ", WTERMSIG(status));
  return absl::StrCat("with exit code ", WEXITSTATUS(status));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProgram>> ChildProgram::Start(const fs::path& program,
                                                                  std::vector<std::string> arguments,
                                                                  const fs::path& log, Pause pause) {
  if (access(program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(
        absl::StrCat("there is no program ", program.string(), "; build it, or run ecgctl from its folder"));
  }
  const UniqueFd output(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!output.valid()) return FileError(errno, "open", log);
  arguments.insert(arguments.begin(), program.string());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t parent = getpid();
  // fork and not posix_spawn, which cannot ask for a signal at the parent's death.
  const pid_t pid = fork();
  if (pid == 0) BecomeProgram(program.c_str(), pointers.data(), output.get(), parent);
  if (pid < 0) return FileError(errno, "fork for", program);
  return std::unique_ptr<ChildProgram>(new ChildProgram(pid, program.filename(), log, std::move(pause)));
}

ChildProgram::ChildProgram(pid_t pid, std::string name, fs::path log, Pause pause)
    : pid_(pid), name_(std::move(name)), log_(std::move(log)), pause_(std::move(pause)) {}

ChildProgram::~ChildProgram() { Stop(kDefaultGrace); }

bool ChildProgram::HasEnded() {
  if (!ended_) ended_ = waitpid(pid_, &wait_status_, WNOHANG) == pid_;
  return ended_;
}

absl::Status ChildProgram::CheckRunning() {
  if (!HasEnded()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(name_, " has ended ", HowItEnded(wait_status_), "; its log is ", log_.string()));
}

void ChildProgram::Stop(absl::Duration grace) {
  if (HasEnded()) return;
  kill(pid_, SIGTERM);
  for (absl::Duration waited; waited < grace && !HasEnded(); waited += kLookAtProcess) pause_(kLookAtProcess);
  if (HasEnded()) return;
  kill(-pid_, SIGKILL);
  ended_ = waitpid(pid_, &wait_status_, 0) == pid_;
}

absl::StatusOr<fs::path> OwnFolder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return FileError(error.value(), "read", "/proc/self/exe");
  return self.parent_path();
}

}  // namespace ecgtrain
