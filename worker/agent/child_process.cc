#include "worker/agent/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

// <linux/wait.h> has it; the C library of Debian 12 does not.
constexpr idtype_t kPidfd = static_cast<idtype_t>(3);

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

absl::StatusOr<UniqueFd> OpenPidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));  // close-on-exec by definition
  if (fd.valid()) return fd;
  if (errno == ESRCH) return absl::NotFoundError(absl::StrCat("process ", pid, " is gone"));
  return absl::InternalError(absl::StrCat("cannot watch process ", pid, ": ", strerror(errno)));
}

void SetAttributes(posix_spawnattr_t& attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

void SetFiles(posix_spawn_file_actions_t& actions, const ChildOptions& options) {
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, options.stdout_fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, options.stderr_fd, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
}

absl::StatusOr<pid_t> SpawnProcess(const ChildOptions& options) {
  std::vector<std::string> arguments = {options.program.string()};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = options.environment;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&actions);
  absl::Cleanup destroy = [&] {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  };
  SetAttributes(attributes);
  SetFiles(actions, options);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, options.program.c_str(), &actions, &attributes,
                                Pointers(arguments).data(), Pointers(environment).data());
  if (error != 0) return FileError(error, "start", options.program);
  return pid;
}

}  // namespace

absl::StatusOr<uint64_t> ProcessStartTime(pid_t pid) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(absl::StrCat("/proc/", pid, "/stat"), 16 << 10),
                   absl::NotFoundError(absl::StrCat("process ", pid, " is gone")));
  // The second field is the name in parentheses and may hold anything, so fields are counted from its end.
  const size_t name_end = text.rfind(')');
  const std::vector<std::string> fields =
      absl::StrSplit(text.substr(name_end == std::string::npos ? 0 : name_end + 1), ' ', absl::SkipEmpty());
  uint64_t start_time = 0;
  if (fields.size() < 20 || !absl::SimpleAtoi(fields[19], &start_time)) {
    return absl::InternalError(absl::StrCat("/proc/", pid, "/stat is not understood"));
  }
  if (fields[0] == "Z" || fields[0] == "X")
    return absl::NotFoundError(absl::StrCat("process ", pid, " is gone"));
  return start_time;
}

std::optional<pid_t> FindProcessWithArgument(const std::string& argument) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid) || pid == getpid()) continue;
    const absl::StatusOr<std::string> line = ReadFile(entry.path() / "cmdline", 1 << 20);
    if (!line.ok()) continue;
    for (const absl::string_view word : absl::StrSplit(*line, '\0')) {
      if (word == argument) return pid;
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Spawn(const ChildOptions& options,
                                                                  ExitCallback on_exit) {
  ASSIGN_OR_RETURN(const pid_t pid, SpawnProcess(options));
  // Until we reap it the number stays taken, so that neither call can mean another process. A child that has
  // ended already has no start time any more; nobody will have to recognise it.
  absl::StatusOr<std::unique_ptr<ChildProcess>> child = absl::InternalError("not watched");
  absl::StatusOr<UniqueFd> pidfd = OpenPidfd(pid);
  if (pidfd.ok()) {
    child = Watch(pid, ProcessStartTime(pid).value_or(0), *std::move(pidfd), std::move(on_exit));
  } else {
    child = pidfd.status();
  }
  if (!child.ok()) {
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  return child;
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Adopt(pid_t pid, uint64_t start_time,
                                                                  ExitCallback on_exit) {
  ASSIGN_OR_RETURN(UniqueFd pidfd, OpenPidfd(pid));
  // Looked at after the descriptor is open: what it refers to cannot change between the two.
  ASSIGN_OR_RETURN(const uint64_t found, ProcessStartTime(pid));
  if (found != start_time)
    return absl::NotFoundError(absl::StrCat("process ", pid, " is another one by now"));
  return Watch(pid, start_time, std::move(pidfd), std::move(on_exit));
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Watch(pid_t pid, uint64_t start_time,
                                                                  UniqueFd pidfd, ExitCallback on_exit) {
  UniqueFd leave(eventfd(0, EFD_CLOEXEC));
  if (!leave.valid()) return absl::InternalError(absl::StrCat("eventfd: ", strerror(errno)));
  std::unique_ptr<ChildProcess> child(
      new ChildProcess(pid, start_time, std::move(pidfd), std::move(leave), std::move(on_exit)));
  child->watcher_ = std::thread([child = child.get()] { child->WaitForExit(); });
  return child;
}

ChildProcess::ChildProcess(pid_t pid, uint64_t start_time, UniqueFd pidfd, UniqueFd leave,
                           ExitCallback on_exit)
    : pid_(pid),
      start_time_(start_time),
      pidfd_(std::move(pidfd)),
      leave_(std::move(leave)),
      on_exit_(std::move(on_exit)) {}

ChildProcess::~ChildProcess() {
  // Adding one to a fresh counter cannot fail.
  eventfd_write(leave_.get(), 1);
  watcher_.join();
}

void ChildProcess::WaitForExit() {
  pollfd events[2] = {{.fd = pidfd_.get(), .events = POLLIN}, {.fd = leave_.get(), .events = POLLIN}};
  while (poll(events, 2, -1) < 0 && errno == EINTR) {
  }
  if (events[0].revents == 0) return;
  // What the process itself has started must not outlive it on the device. Before the reaping, so that the
  // number of the group is still its own.
  kill(-pid_, SIGKILL);
  ProcessEnd end;
  siginfo_t info = {};
  if (waitid(kPidfd, pidfd_.get(), &info, WEXITED) == 0) {
    if (info.si_code == CLD_EXITED) {
      end.exit_code = info.si_status;
    } else {
      end.signal = info.si_status;
    }
  }
  on_exit_(end);
}

bool ChildProcess::SendSignal(int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) == 0;
}

void ChildProcess::Terminate() { SendSignal(SIGTERM); }

void ChildProcess::Kill() {
  // The check makes sure that the group's number is not another one's by now.
  if (SendSignal(SIGKILL)) kill(-pid_, SIGKILL);
}

}  // namespace ecgtrain
