// Child processes of integration tests: the real programs, with their output in a file.
#ifndef ECGTRAIN_TESTS_INTEGRATION_PROCESS_H_
#define ECGTRAIN_TESTS_INTEGRATION_PROCESS_H_

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ecgtrain::testing {

// Ends with its object (SIGKILL). Bound to one thread.
class Process {
 public:
  // `arguments[0]` is the program; output is appended to `log`.
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& log);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Exit code, or 128 + signal.
  int Wait();

 private:
  pid_t pid_ = -1;
};

// Content of `path` as soon as it exists and is not empty; DEADLINE_EXCEEDED after `limit`. Waits on the
// folder's notifications.
absl::StatusOr<std::string> AwaitFile(const std::filesystem::path& path,
                                      absl::Duration limit = absl::Seconds(20));

// The file's content as soon as it holds `text`; else as AwaitFile.
absl::StatusOr<std::string> AwaitText(const std::filesystem::path& path, const std::string& text,
                                      absl::Duration limit = absl::Seconds(20));

// True once the process, anybody's child, is gone; false after `limit`.
bool AwaitExit(pid_t pid, absl::Duration limit = absl::Seconds(20));

// Real programs go by the real clock: lets a lease lapse where nothing that happens tells of it. What a test
// asserts never depends on how long anything took.
void PassTime(absl::Duration duration);

// False for a process that is gone, or a zombie that nobody has waited for yet.
bool IsRunning(pid_t pid);

struct CommandResult {
  int exit_code = 0;
  std::string output;  // standard output
  std::string errors;  // standard error
};
// Runs a program to its end.
CommandResult RunCommand(const std::vector<std::string>& arguments, const std::string& input = "");

// Path of a program of this build.
std::string Program(const std::string& name);

}  // namespace ecgtrain::testing

#endif  // ECGTRAIN_TESTS_INTEGRATION_PROCESS_H_
