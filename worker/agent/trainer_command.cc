#include "worker/agent/trainer_command.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/run_directory/openmp.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {
namespace {

// The worker's own setting, else a short spin.
void AppendWaiting(std::vector<std::string>& environment) {
  bool given = false;
  for (const char* name : {openmp::kWaitPolicy, openmp::kSpinCount}) {
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    environment.push_back(absl::StrCat(name, "=", value));
    given = true;
  }
  if (!given) environment.push_back(absl::StrCat(openmp::kSpinCount, "=", openmp::kShortSpin));
}

}  // namespace

std::vector<std::string> InheritedEnvironment() {
  std::vector<std::string> environment;
  for (const char* name : {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}) {
    const char* value = std::getenv(name);
    if (value != nullptr) environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

ChildOptions TrainerCommand(const std::filesystem::path& program, const AttemptDirectory& directory,
                            const TrainerDevice& device, int log_fd) {
  ChildOptions options;
  options.program = program;
  options.arguments = {"run", "--spec", directory.File(run_directory::kSpecFile).string(), "--dir",
                       directory.path().string()};
  options.environment = InheritedEnvironment();
  // A GPU by UUID, because indices change with each driver start; none at all for a CPU slot.
  options.environment.push_back(absl::StrCat("CUDA_VISIBLE_DEVICES=", absl::StrJoin(device.uuids, ",")));
  options.environment.push_back("CUDA_DEVICE_ORDER=PCI_BUS_ID");
  options.environment.push_back(absl::StrCat("OMP_NUM_THREADS=", device.threads));
  options.environment.push_back(absl::StrCat("MKL_NUM_THREADS=", device.threads));
  AppendWaiting(options.environment);
  options.directory = directory.path();
  options.stdout_fd = log_fd;
  options.stderr_fd = log_fd;
  return options;
}

}  // namespace ecgtrain
