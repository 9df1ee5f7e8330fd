// A child in a process group of its own, started with posix_spawn and watched through a pidfd; or the child
// of an earlier process of this worker, adopted by number and start time.
#ifndef ECGTRAIN_WORKER_AGENT_CHILD_PROCESS_H_
#define ECGTRAIN_WORKER_AGENT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace ecgtrain {

struct ChildOptions {
  std::filesystem::path program;
  std::vector<std::string> arguments;    // without the program
  std::vector<std::string> environment;  // "NAME=value": nothing else is inherited
  std::filesystem::path directory;       // to start in
  int stdout_fd = -1;
  int stderr_fd = -1;
};

// How a process ended; neither is known of an adopted process, which is not our child.
struct ProcessEnd {
  std::optional<int> exit_code;
  std::optional<int> signal;
};

// Clock ticks after boot at which `pid` started: field 22 of /proc/PID/stat. NOT_FOUND when there is no such
// process or only its zombie.
absl::StatusOr<uint64_t> ProcessStartTime(pid_t pid);

// The process whose command line holds `argument` as one of its arguments, for a child whose number was never
// written down.
std::optional<pid_t> FindProcessWithArgument(const std::string& argument);

// Thread-safe. Destroying the object ends the watching, never the process.
class ChildProcess {
 public:
  // Called once, on a thread of this object, after the process is gone and the rest of its group has been
  // killed.
  using ExitCallback = std::function<void(const ProcessEnd&)>;

  // Signals are reset, descriptors other than 0 to 2 closed, standard input is empty. NOT_FOUND or
  // PERMISSION_DENIED for the program.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Spawn(const ChildOptions& options,
                                                             ExitCallback on_exit);

  // NOT_FOUND when `pid` is gone or another process by now.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Adopt(pid_t pid, uint64_t start_time,
                                                             ExitCallback on_exit);

  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  uint64_t start_time() const { return start_time_; }

  // SIGTERM to the process itself. Nothing happens when it is gone.
  void Terminate();
  // SIGKILL to its whole group.
  void Kill();

 private:
  ChildProcess(pid_t pid, uint64_t start_time, UniqueFd pidfd, UniqueFd leave, ExitCallback on_exit);
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Watch(pid_t pid, uint64_t start_time, UniqueFd pidfd,
                                                             ExitCallback on_exit);
  void WaitForExit();
  bool SendSignal(int signal);

  const pid_t pid_;
  const uint64_t start_time_;
  const UniqueFd pidfd_;
  const UniqueFd leave_;  // eventfd: stop watching
  const ExitCallback on_exit_;
  std::thread watcher_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_CHILD_PROCESS_H_
