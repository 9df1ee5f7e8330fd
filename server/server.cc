#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <atomic>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/free_space.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/channel_settings.h"
#include "server/api/admin_service.h"
#include "server/api/training_service.h"
#include "server/api/worker_service.h"
#include "server/artifacts/directory_artifact_store.h"
#include "server/coordinator/disk_guard.h"
#include "server/coordinator/proto_time.h"
#include "server/listen_address.h"
#include "server/nightly_backup.h"
#include "server/state_directory.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "server/telemetry/telemetry.h"

namespace ecgtrain {
namespace {

constexpr unsigned kCertificateRefreshSeconds = 1;

// Anything but loopback is encrypted and asks for tokens, unless somebody has said otherwise in so many
// words.
struct Security {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  bool tls = false;
  bool require_credentials = false;
  bool insecure = false;
};

std::shared_ptr<grpc::ServerCredentials> TlsCredentials(const std::string& certificate,
                                                        const std::string& key) {
  // Looks at the files again and again: certificates are renewed without a restart.
  auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      key, certificate, kCertificateRefreshSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(options);
}

absl::StatusOr<Security> ChooseSecurity(const ServerOptions& options, const ListenAddress& listen) {
  const StatePaths paths(options.state_dir);
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key go together");
  }
  std::filesystem::path certificate = options.tls_cert, key = options.tls_key;
  std::error_code error;
  const bool own = certificate.empty() && std::filesystem::exists(paths.tls / "server.pem", error);
  if (own && !listen.loopback && !options.insecure) {
    certificate = paths.tls / "server.pem";
    key = paths.tls / "server.key";
  }
  Security security;
  security.tls = !certificate.empty();
  if (security.tls) {
    RETURN_IF_ERROR(ReadFile(certificate).status());
    RETURN_IF_ERROR(ReadFile(key).status());
    security.credentials = TlsCredentials(certificate.string(), key.string());
  } else {
    security.credentials = grpc::InsecureServerCredentials();
  }
  if (!listen.loopback && !security.tls && !options.insecure) {
    return absl::InvalidArgumentError(absl::StrCat(
        "listening on ", listen.ToString(), " needs TLS: run ecg-coordinator init, or give --tls-cert and ",
        "--tls-key, or say --insecure"));
  }
  security.insecure = options.insecure && !listen.loopback;
  security.require_credentials = options.require_auth || (!listen.loopback && !options.insecure);
  return security;
}

class RunningServer final : public Server {
 public:
  RunningServer(const ServerOptions& options, Clock& clock)
      : options_(options),
        paths_(options.state_dir),
        clock_(clock),
        own_space_(paths_.root),
        disk_(clock, options.space != nullptr ? *options.space : own_space_, options.disk, paths_.reserve) {}

  ~RunningServer() override {
    Shutdown();
    if (coordinator_ != nullptr) coordinator_->maintenance().Stop();
    server_.reset();  // waits for what its calls still do, a backup too
    backup_.reset();
    metrics_.reset();
    store_.reset();  // all writes have ended and their replies are given
  }

  absl::Status Start() {
    ASSIGN_OR_RETURN(const ListenAddress listen, ParseListenAddress(options_.listen));
    ASSIGN_OR_RETURN(const Security security, ChooseSecurity(options_, listen));
    RETURN_IF_ERROR(CheckDiskLimits(options_.disk));
    RETURN_IF_ERROR(OpenState());
    CoordinatorOptions options = options_.coordinator;
    options.disk = &disk_;
    options.maintenance.on_disk_level = [this](DiskLevel level) { SetSubmitHealth(level); };
    coordinator_ = std::make_unique<Coordinator>(*store_, *artifacts_, clock_, telemetry_.counts(), options);
    authenticator_ = std::make_unique<Authenticator>(*store_, clock_, security.require_credentials);
    api_ = std::make_unique<ApiContext>(
        *coordinator_, *authenticator_, telemetry_.rpcs(), telemetry_.counts(),
        ServerFacts{clock_.Now(), options_.state_dir.string(), security.insecure}, options_.limits);
    backup_ = std::make_unique<NightlyBackup>(
        NightlyBackupOptions{.database = paths_.database.string(), .folder = paths_.backups.string()}, clock_,
        [this](absl::Time time) { telemetry_.SetBackupTime(time); });
    RETURN_IF_ERROR(Listen(listen, security));
    RETURN_IF_ERROR(ServeMetrics(security.insecure));
    coordinator_->maintenance().Start();
    telemetry_.SetReady(true);
    return Announce(security);
  }

  const std::string& address() const override { return address_; }
  const std::string& metrics_address() const override { return metrics_address_; }
  Coordinator& coordinator() override { return *coordinator_; }

  void Shutdown() override {
    if (shut_down_.exchange(true)) return;
    std::error_code error;  // a leftover file names an address where nobody listens: harmless
    std::filesystem::remove(paths_.address, error);
    std::filesystem::remove(paths_.metrics_address, error);
    telemetry_.SetReady(false);
    if (server_ != nullptr) {
      server_->GetHealthCheckService()->SetServingStatus(false);
      api_->GoAway();
      server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    }
    telemetry_.End(absl::OkStatus());
  }

  absl::Status WaitForEnd() override { return telemetry_.WaitForEnd(); }

 private:
  absl::Status OpenState() {
    RETURN_IF_ERROR(MakeDirectories(paths_.root, 0700));
    ASSIGN_OR_RETURN(store_, SqliteJobStore::Open({.path = paths_.database.string(),
                                                   .clock = clock_,
                                                   .observer = &telemetry_.store(),
                                                   .backup_folder = paths_.backups.string(),
                                                   .make_room = [this] { return disk_.ReleaseReserve(); }}));
    ASSIGN_OR_RETURN(artifacts_, DirectoryArtifactStore::Open({.root = paths_.artifacts,
                                                               .clock = clock_,
                                                               .reserve_bytes = options_.disk.new_work,
                                                               .space = options_.space}));
    return absl::OkStatus();
  }

  absl::Status Listen(ListenAddress listen, const Security& security) {
    training_ = std::make_unique<TrainingServiceImpl>(*api_);
    workers_ = std::make_unique<WorkerServiceImpl>(*api_, options_.heartbeat_hold);
    admin_ = std::make_unique<AdminServiceImpl>(*api_, [this] { return MakeBackup(); });
    grpc::EnableDefaultHealthCheckService(true);
    if (listen.loopback) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    ApplyServerSettings(builder);
    int port = 0;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT,
                               0);  // two coordinators on one port would share its callers
    builder.AddListeningPort(listen.ToString(), security.credentials, &port);
    builder.RegisterService(training_.get());
    builder.RegisterService(workers_.get());
    builder.RegisterService(admin_.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", listen.ToString(),
                       "; is another coordinator running? --listen chooses another address"));
    }
    for (const char* service : {"TrainingService", "WorkerService", "AdminService"}) {
      server_->GetHealthCheckService()->SetServingStatus(absl::StrCat("ecgtrain.v1.", service), true);
    }
    SetSubmitHealth(DiskLevel::kAmple);
    listen.port = static_cast<uint16_t>(port);
    address_ = listen.ToString();
    return absl::OkStatus();
  }

  // NOT_SERVING for new jobs alone while the disk is too full for them; everything else is served.
  void SetSubmitHealth(DiskLevel level) {
    server_->GetHealthCheckService()->SetServingStatus("ecgtrain.v1.TrainingService/SubmitJobs",
                                                       level < DiskLevel::kNoNewWork);
  }

  absl::Status ServeMetrics(bool insecure) {
    if (!options_.metrics) return absl::OkStatus();
    ASSIGN_OR_RETURN(const ListenAddress listen, ParseListenAddress(options_.metrics_listen));
    ASSIGN_OR_RETURN(metrics_, MetricsServer::Start(listen.ToString(), telemetry_, *coordinator_, insecure));
    ListenAddress bound = listen;
    bound.port = metrics_->port();
    metrics_address_ = bound.ToString();
    return WriteFileDurably(paths_.metrics_address, absl::StrCat(metrics_address_, "\n"));
  }

  absl::StatusOr<v1::BackUpResponse> MakeBackup() {
    v1::BackUpResponse made;
    ASSIGN_OR_RETURN(*made.mutable_path(), backup_->Make());
    std::error_code error;  // gone again already: then it has no size
    const uint64_t bytes = std::filesystem::file_size(made.path(), error);
    made.set_bytes(error ? 0 : bytes);
    *made.mutable_made() = ToProtoTime(clock_.Now());
    return made;
  }

  absl::Status Announce(const Security& security) {
    if (security.insecure) {
      LogWarning("INSECURE: anybody who reaches this address may do anything, and can read all traffic",
                 {{"address", address_}});
    }
    LogInfo("ready", {{"address", address_},
                      {"metrics", metrics_address_},
                      {"tls", security.tls},
                      {"tokens_required", security.require_credentials},
                      {"state", paths_.root.string()}});
    return WriteFileDurably(paths_.address, absl::StrCat(address_, "\n"));
  }

  const ServerOptions options_;
  const StatePaths paths_;
  Clock& clock_;
  FileSystemSpace own_space_;
  DiskGuard disk_;
  Telemetry telemetry_;
  std::unique_ptr<JobStore> store_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<ApiContext> api_;
  std::unique_ptr<TrainingServiceImpl> training_;
  std::unique_ptr<WorkerServiceImpl> workers_;
  std::unique_ptr<AdminServiceImpl> admin_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<MetricsServer> metrics_;
  std::unique_ptr<NightlyBackup> backup_;
  std::string address_;
  std::string metrics_address_;
  std::atomic<bool> shut_down_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Clock& clock) {
  auto server = std::make_unique<RunningServer>(options, clock);
  RETURN_IF_ERROR(server->Start());
  return server;
}

}  // namespace ecgtrain
