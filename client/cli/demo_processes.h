// Programs that `ecgctl demo` starts and surely ends.
#ifndef ECGTRAIN_CLIENT_CLI_DEMO_PROCESSES_H_
#define ECGTRAIN_CLIENT_CLI_DEMO_PROCESSES_H_

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ecgtrain {

// One child in a process group of its own, its output in a file. It gets SIGTERM when the thread that started
// it ends, also by SIGKILL. Bound to one thread.
class ChildProgram {
 public:
  // Waits between two looks at a child that is to end.
  using Pause = std::function<void(absl::Duration)>;

  // NOT_FOUND when there is no such program; errors as durable_file.h for the log.
  static absl::StatusOr<std::unique_ptr<ChildProgram>> Start(const std::filesystem::path& program,
                                                             std::vector<std::string> arguments,
                                                             const std::filesystem::path& log, Pause pause);
  // Stops it.
  ~ChildProgram();
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  // FAILED_PRECONDITION, saying how it ended and where its log is, once it has.
  absl::Status CheckRunning();

  // SIGTERM, and SIGKILL to the whole group after `grace`. Returns when the child is gone.
  void Stop(absl::Duration grace);

  pid_t pid() const { return pid_; }

 private:
  ChildProgram(pid_t pid, std::string name, std::filesystem::path log, Pause pause);

  bool HasEnded();

  pid_t pid_;
  std::string name_;
  std::filesystem::path log_;
  Pause pause_;
  bool ended_ = false;
  int wait_status_ = 0;
};

// The folder of this program, where its sisters are.
absl::StatusOr<std::filesystem::path> OwnFolder();

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_DEMO_PROCESSES_H_
