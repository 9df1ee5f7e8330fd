// ecg-trainer run --spec FILE --dir DIR: trains one attempt; its run directory is the whole interface
// (docs/run-directory.md). No service is needed.
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <system_error>

#include "common/clock.h"
#include "common/log.h"
#include "worker/run_directory/openmp.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/controls.h"
#include "worker/train/trainer.h"

namespace ecgtrain {
namespace {

// Starts this very process anew where nobody has said how OpenMP's threads wait: they read it when the
// program is loaded. Where that cannot be done, training is as right as ever.
void WaitBriefly(char** argv) {
  if (getenv(openmp::kWaitPolicy) != nullptr || getenv(openmp::kSpinCount) != nullptr) return;
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || setenv(openmp::kSpinCount, openmp::kShortSpin, 1) != 0) return;
  execv(program.c_str(), argv);
  LogWarning("could not limit how long threads spin", {{"program", program.string()}});
}

int Run(const std::string& spec, const std::string& folder) {
  SignalControls controls;
  RealClock clock;
  const TrainerExit exit = RunTrainer(spec, folder, controls, clock);
  const absl::string_view reason = run_directory::ExitReasonName(exit.reason);
  if (exit.reason == run_directory::ExitReason::kCompleted ||
      exit.reason == run_directory::ExitReason::kStopped) {
    LogInfo("trainer ended", {{"reason", reason}, {"step", exit.step}});
  } else {
    LogError("trainer failed", {{"reason", reason}, {"step", exit.step}, {"problem", exit.message}});
  }
  return static_cast<int>(exit.reason);
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) {
  CLI::App app("Trains one attempt of a job in its run directory.", "ecg-trainer");
  app.set_version_flag("--version", "ecg-trainer " ECGTRAIN_VERSION);
  app.require_subcommand(1);
  CLI::App* run = app.add_subcommand(
      "run", "Train what a specification says; ends with the exit codes of docs/run-directory.md");
  std::string spec;
  std::string folder;
  run->add_option("--spec", spec, "The specification, spec.json")->required()->check(CLI::ExistingFile);
  run->add_option("--dir", folder, "The run directory; made when absent, gone on with when not")->required();
  CLI11_PARSE(app, argc, argv);
  ecgtrain::ConfigureLogging("ecg-trainer", ecgtrain::LogLevel::kInfo, ecgtrain::LogFormat::kText);
  ecgtrain::WaitBriefly(argv);
  return ecgtrain::Run(spec, folder);
}
