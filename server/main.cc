// ecg-coordinator: the one server of ecgtrain.
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"
#include "proto/channel_settings.h"
#include "server/database_verbs.h"
#include "server/serve_flags.h"
#include "server/server.h"
#include "server/state_directory.h"

namespace {

// Exit codes as ecgctl's: 2 usage, 8 wrong state or not serving, 10 data loss or a fault of ours.
int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInternal:
      return 10;
    default:
      return 8;
  }
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "ecg-coordinator: %s\n", std::string(status.message()).c_str());
  return ExitCode(status);
}

// SIGTERM and SIGINT are taken by one thread that waits for them, not by handlers.
sigset_t BlockedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Workers give up a call after 15 s.
constexpr absl::Duration kLongestHeartbeat = absl::Seconds(10);

absl::Status CheckTimes(const ecgtrain::ServerOptions& options) {
  const ecgtrain::LeaseOptions& leases = options.coordinator.leases;
  if (options.heartbeat_hold <= kLongestHeartbeat && options.heartbeat_hold < leases.unreachable_after &&
      leases.unreachable_after <= leases.lease) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--heartbeat ", ecgtrain::HumanDuration(options.heartbeat_hold), ", --unreachable-after ",
      ecgtrain::HumanDuration(leases.unreachable_after), ", --lease ", ecgtrain::HumanDuration(leases.lease),
      ": the first is at most ", ecgtrain::HumanDuration(kLongestHeartbeat),
      " and below the second, which is not above the third"));
}

int Serve(const ecgtrain::ServerOptions& options) {
  if (const absl::Status times = CheckTimes(options); !times.ok()) return Fail(times);
  const sigset_t signals = BlockedSignals();
  ecgtrain::RealClock clock;
  absl::StatusOr<std::unique_ptr<ecgtrain::Server>> server = ecgtrain::Server::Start(options, clock);
  if (!server.ok()) return Fail(server.status());
  std::thread stopper([&signals, &server] {
    int signal = 0;
    sigwait(&signals, &signal);
    ecgtrain::LogInfo("shutting down", {{"signal", signal}});
    (*server)->Shutdown();
  });
  const absl::Status end = (*server)->WaitForEnd();
  pthread_kill(stopper.native_handle(), SIGTERM);  // no effect on a thread that has taken its signal
  stopper.join();
  if (!end.ok()) return Fail(end);
  return 0;
}

int Initialize(const std::string& state_dir, const std::vector<std::string>& hosts) {
  ecgtrain::RealClock clock;
  if (absl::Status status = ecgtrain::InitializeState(state_dir, hosts, clock); !status.ok())
    return Fail(status);
  const ecgtrain::StatePaths paths(state_dir);
  std::printf("initialised %s\ncertificate authority: %s\nadmin token: %s\nworker token: %s\n",
              state_dir.c_str(), (paths.tls / "ca.pem").c_str(), paths.admin_token.c_str(),
              paths.worker_token.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  ecgtrain::KeepMemoryOfChunks();
  CLI::App app("ecg-coordinator: queue, scheduler, artifact store and API of ecgtrain");
  app.set_version_flag("--version", std::string("ecg-coordinator ") + ECGTRAIN_VERSION);
  app.require_subcommand(1);
  bool json_log = false;
  app.add_flag("--log-json", json_log, "Log as JSON lines");

  ecgtrain::ServerOptions options;
  CLI::App* serve =
      app.add_subcommand("serve", "Run the coordinator; makes the state directory where it is absent");
  ecgtrain::AddServeFlags(*serve, options);

  std::string state_dir;
  std::vector<std::string> hosts = {"localhost", "127.0.0.1"};
  CLI::App* init = app.add_subcommand("init", "Make a state directory with certificates and first tokens");
  init->add_option("--state-dir", state_dir, "Where everything is kept")->required();
  init->add_option("--tls-hosts", hosts, "Names and addresses of this server, for its certificate")
      ->delimiter(',');

  ecgtrain::DatabaseVerbs database(app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "ecg-coordinator: %s (see --help)\n", error.what());
    return 2;
  }
  ecgtrain::ConfigureLogging("ecg-coordinator", ecgtrain::LogLevel::kInfo,
                             json_log ? ecgtrain::LogFormat::kJson : ecgtrain::LogFormat::kText);
  setenv("GRPC_VERBOSITY", "ERROR", /*overwrite=*/0);
  if (database.Chosen()) {
    ecgtrain::RealClock clock;
    const absl::Status status = database.Run(clock);
    return status.ok() ? 0 : Fail(status);
  }
  return *init ? Initialize(state_dir, hosts) : Serve(options);
}
