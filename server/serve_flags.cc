#include "server/serve_flags.h"

#include <cstdint>
#include <string>

#include "common/units.h"

namespace ecgtrain {
namespace {

void AddBytes(CLI::App& app, const std::string& flag, uint64_t& bytes, const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [flag, &bytes](const std::string& text) {
           const absl::StatusOr<uint64_t> parsed = ParseBytes(text);
           if (!parsed.ok()) throw CLI::ValidationError(flag, std::string(parsed.status().message()));
           bytes = *parsed;
         },
         help)
      ->type_name("SIZE")
      ->default_str(HumanBytes(bytes));
}

void AddDuration(CLI::App& serve, const std::string& name, absl::Duration& target, const std::string& help) {
  serve
      .add_option_function<std::string>(
          name,
          [name, &target](const std::string& text) {
            const absl::StatusOr<absl::Duration> duration = ParseDuration(text);
            if (!duration.ok()) throw CLI::ValidationError(name, std::string(duration.status().message()));
            target = *duration;
          },
          help)
      ->type_name("DURATION")
      ->default_str(HumanDuration(target));
}

void AddTimes(CLI::App& serve, ServerOptions& options) {
  CoordinatorOptions& coordinator = options.coordinator;
  AddDuration(serve, "--heartbeat", options.heartbeat_hold, "A worker is heard of at least so often");
  AddDuration(serve, "--unreachable-after", coordinator.leases.unreachable_after,
              "Silence after which a worker is shown as unreachable");
  AddDuration(serve, "--lease", coordinator.leases.lease,
              "Silence after which a worker's jobs may go elsewhere, by their on_lost");
  AddDuration(serve, "--stop-grace", coordinator.stop_grace,
              "What a trainer that is asked to stop has for its last checkpoint");
  AddDuration(serve, "--stuck-after", coordinator.maintenance.stuck_after,
              "Without progress for so long a trainer is stopped");
  AddDuration(serve, "--retry-backoff", coordinator.retry_backoff, "Before a job's first retry; it doubles");
}

void AddDiskFlags(CLI::App& serve, DiskLimits& disk) {
  AddBytes(serve, "--keep-free", disk.new_work, "Refuse new jobs and uploads with less free on the disk");
  AddBytes(serve, "--keep-free-metrics", disk.metrics, "Keep no metric points with less free");
  AddBytes(serve, "--keep-free-logs", disk.logs, "Leave logs with the workers with less free");
  AddBytes(serve, "--disk-reserve", disk.reserve, "Hold so much in a file, for transitions on a full disk");
}

void AddLimitFlags(CLI::App& serve, ServerOptions& options) {
  AdmissionLimits& admission = options.coordinator.admission;
  serve.add_option("--max-queued-per-user", admission.queued_per_user, "Queued jobs of one user")
      ->capture_default_str();
  serve.add_option("--max-queued", admission.queued, "Queued jobs in all")->capture_default_str();
  serve.add_option("--max-follows-per-user", options.limits.follows_per_user, "Open streams of one user")
      ->capture_default_str();
  serve.add_option("--max-follows", options.limits.follows, "Open streams in all")->capture_default_str();
  serve
      .add_option("--max-calls-per-second", options.limits.calls_per_second,
                  "Calls of one user from other machines")
      ->capture_default_str();
}

}  // namespace

void AddServeFlags(CLI::App& serve, ServerOptions& options) {
  serve.add_option("--state-dir", options.state_dir, "Where everything is kept")->required();
  serve.add_option("--listen", options.listen, "HOST:PORT of the API; port 0 for any")->capture_default_str();
  serve.add_option("--metrics-listen", options.metrics_listen, "HOST:PORT of the Prometheus page")
      ->capture_default_str();
  serve.add_flag("!--no-metrics", options.metrics, "No Prometheus page");
  serve.add_flag("--require-auth", options.require_auth, "Ask for tokens on loopback, too");
  serve.add_flag("--insecure", options.insecure, "Serve off loopback without TLS and tokens");
  serve.add_option("--tls-cert", options.tls_cert, "Certificate chain, PEM");
  serve.add_option("--tls-key", options.tls_key, "Its key, PEM");
  AddTimes(serve, options);
  AddDiskFlags(serve, options.disk);
  AddLimitFlags(serve, options);
}

}  // namespace ecgtrain
