// ecg-worker: one per host. Lends the host's devices to a coordinator, starts and watches trainers, ships
// what they produce.
//
// SIGTERM and SIGINT drain: trainers checkpoint and stop, the rest is shipped; a second one leaves at once.
// SIGUSR2 leaves at once and lets the trainers run on for the next ecg-worker on the same state folder. Exit
// codes: 0 done, 1 failed, 2 usage.
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "common/units.h"
#include "proto/channel_settings.h"
#include "worker/agent/agent.h"
#include "worker/agent/coordinator_link.h"
#include "worker/agent/devices/device_inventory.h"
#include "worker/agent/settings.h"

namespace ecgtrain {
namespace {

struct Flags {
  std::string config;
  std::string server, name, state_dir, token_file, ca, trainer, data_tool, exit_when_idle;
  uint32_t cpu_slots = 0;
  uint32_t threads = 0;
  std::vector<std::string> datasets;
  bool json_log = false;
};

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("--config", flags.config, "worker.yaml; flags win over it");
  app.add_option("--server", flags.server, "coordinator, HOST:PORT");
  app.add_option("--name", flags.name, "name of this worker (default: the host's)");
  app.add_option("--state-dir", flags.state_dir, "folder for run directories and packs");
  app.add_option("--cpu-slots", flags.cpu_slots, "jobs that may train on CPUs at once (0: none; default 1)");
  app.add_option("--threads", flags.threads, "CPU threads to divide among the slots (default: all)");
  app.add_option("--dataset", flags.datasets, "NAME=TYPE:PATH, repeatable; types: docs/data-sets.md");
  app.add_option("--token-file", flags.token_file, "file with the worker's token");
  app.add_option("--ca", flags.ca, "certificate authority of the coordinator, PEM");
  app.add_option("--trainer", flags.trainer, "ecg-trainer (default: beside this program)");
  app.add_option("--data-tool", flags.data_tool, "ecg-data (default: beside this program)");
  app.add_option("--exit-when-idle", flags.exit_when_idle, "leave after so long without a job, such as 10m");
  app.add_flag("--log-json", flags.json_log, "log JSON lines");
  app.set_version_flag("--version", std::string("ecg-worker ") + ECGTRAIN_VERSION);
}

absl::StatusOr<AgentSettings> Settings(const CLI::App& app, const Flags& flags) {
  AgentSettings settings;
  if (!flags.config.empty()) RETURN_IF_ERROR(ReadConfig(flags.config, settings));
  if (!flags.server.empty()) settings.server = flags.server;
  if (!flags.name.empty()) settings.name = flags.name;
  if (!flags.state_dir.empty()) settings.state_dir = flags.state_dir;
  if (!flags.token_file.empty()) settings.token_file = flags.token_file;
  if (!flags.ca.empty()) settings.ca_file = flags.ca;
  if (!flags.trainer.empty()) settings.trainer = flags.trainer;
  if (!flags.data_tool.empty()) settings.data_tool = flags.data_tool;
  if (app.count("--cpu-slots") > 0) settings.cpu_slots = flags.cpu_slots;
  if (app.count("--threads") > 0) settings.threads = flags.threads;
  if (!flags.exit_when_idle.empty()) {
    ASSIGN_OR_RETURN(settings.exit_when_idle, ParseDuration(flags.exit_when_idle));
  }
  for (const std::string& dataset : flags.datasets) RETURN_IF_ERROR(AddDataset(dataset, settings));
  RETURN_IF_ERROR(CompleteSettings(settings));
  return settings;
}

std::vector<v1::Device> FindDevices(const AgentSettings& settings) {
  std::vector<v1::Device> devices = CpuSlots(settings.cpu_slots, settings.threads);
  const absl::StatusOr<std::vector<v1::Device>> gpus = FindGpus(NvmlLibrary(), settings.threads);
  if (gpus.ok()) {
    devices.insert(devices.end(), gpus->begin(), gpus->end());
  } else {
    LogInfo("no GPUs", {{"reason", gpus.status().message()}});
  }
  return devices;
}

// Blocked in all threads from here on and read from a descriptor.
UniqueFd WatchSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGUSR2}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC));
}

// Returns when the program is to end.
void ObeySignals(int signals, int over, Agent& agent) {
  bool draining = false;
  while (true) {
    pollfd events[2] = {{.fd = signals, .events = POLLIN}, {.fd = over, .events = POLLIN}};
    if (poll(events, 2, -1) < 0) continue;
    if (events[1].revents != 0) return;
    signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info) continue;
    if (info.ssi_signo == SIGUSR2 || draining) return;
    LogInfo("draining", {{"signal", info.ssi_signo}});
    draining = true;
    agent.Drain();
  }
}

absl::Status RunWorker(const AgentSettings& settings) {
  const UniqueFd signals = WatchSignals();
  const UniqueFd over(eventfd(0, EFD_CLOEXEC));
  if (!signals.valid() || !over.valid()) return absl::InternalError("cannot watch signals");
  RealClock clock;
  ASSIGN_OR_RETURN(
      const std::unique_ptr<CoordinatorLink> link,
      CoordinatorLink::Create(
          {.server = settings.server, .token_file = settings.token_file, .ca_file = settings.ca_file}));
  ASSIGN_OR_RETURN(const std::unique_ptr<Agent> agent,
                   Agent::Create(settings, FindDevices(settings), *link, clock,
                                 [&over] { eventfd_write(over.get(), 1); }));
  ObeySignals(signals.get(), over.get(), *agent);
  agent->Leave();
  LogInfo("worker left");
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("Lends this host's devices to a coordinator and trains what it assigns.", "ecg-worker");
  Flags flags;
  AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  ConfigureLogging("ecg-worker", LogLevel::kInfo, flags.json_log ? LogFormat::kJson : LogFormat::kText);
  const absl::StatusOr<AgentSettings> settings = Settings(app, flags);
  if (!settings.ok()) {
    std::cerr << "ecg-worker: " << settings.status().message() << "\n";
    return 2;
  }
  const absl::Status status = RunWorker(*settings);
  if (!status.ok()) std::cerr << "ecg-worker: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) {
  ecgtrain::KeepMemoryOfChunks();
  return ecgtrain::Main(argc, argv);
}
