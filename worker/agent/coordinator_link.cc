#include "worker/agent/coordinator_link.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crc32c.h"
#include "common/durable_file.h"
#include "common/mutex.h"
#include "common/status_macros.h"
#include "ecgtrain/v1/worker_service.grpc.pb.h"
#include "proto/channel_settings.h"
#include "proto/grpc_status.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kBytesPerSecondAtLeast = 256 << 10;
constexpr uint64_t kMaxTokenBytes = 4096;

bool IsThisHost(absl::string_view server) {
  return absl::StartsWith(server, "127.") || absl::StartsWith(server, "localhost:") ||
         absl::StartsWith(server, "[::1]:") || absl::StartsWith(server, "unix:");
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(const LinkOptions& options) {
  if (!options.ca_file.empty()) {
    grpc::SslCredentialsOptions ssl;
    ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadFile(options.ca_file, 1 << 20));
    return grpc::SslCredentials(ssl);
  }
  if (!options.token_file.empty() && !IsThisHost(options.server)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a token is not sent to ", options.server,
                     " in plain text: name the certificate authority with --ca"));
  }
  return grpc::InsecureChannelCredentials();
}

absl::StatusOr<std::string> ReadToken(const std::filesystem::path& file) {
  if (file.empty()) return "";
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxTokenBytes));
  const std::string token(absl::StripAsciiWhitespace(text));
  for (const char c : token) {
    if (!absl::ascii_isgraph(c))
      return absl::InvalidArgumentError(absl::StrCat(file.string(), " holds no token"));
  }
  if (token.empty()) return absl::InvalidArgumentError(absl::StrCat(file.string(), " is empty"));
  return token;
}

absl::Duration TransferTime(const LinkOptions& options, uint64_t size) {
  return options.transfer_deadline + absl::Seconds(static_cast<int64_t>(size / kBytesPerSecondAtLeast));
}

}  // namespace

struct CoordinatorLink::State {
  // One call: its deadline and token; cancelled by Shutdown.
  class Call {
   public:
    Call(State& state, absl::Duration timeout) : state_(state) {
      context_.set_wait_for_ready(true);
      context_.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
      // Read anew for each call, so that a new token is taken without a restart.
      const absl::StatusOr<std::string> token = ReadToken(state.options.token_file);
      if (token.ok() && !token->empty())
        context_.AddMetadata("authorization", absl::StrCat("Bearer ", *token));
      MutexLock lock(state_.mutex);
      state_.calls.insert(&context_);
      if (state_.down) context_.TryCancel();
    }
    ~Call() {
      MutexLock lock(state_.mutex);
      state_.calls.erase(&context_);
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    grpc::ClientContext* context() { return &context_; }

   private:
    State& state_;
    grpc::ClientContext context_;
  };

  template <typename Request, typename Response>
  absl::StatusOr<Response> Unary(grpc::Status (v1::WorkerService::Stub::*method)(grpc::ClientContext*,
                                                                                 const Request&, Response*),
                                 const Request& request, absl::Duration timeout) {
    Call call(*this, timeout);
    Response response;
    RETURN_IF_ERROR(FromGrpcStatus((control.get()->*method)(call.context(), request, &response)));
    return response;
  }

  LinkOptions options;
  std::unique_ptr<v1::WorkerService::Stub> control;
  std::unique_ptr<v1::WorkerService::Stub> bulk;
  Mutex mutex;
  bool down ABSL_GUARDED_BY(mutex) = false;
  std::set<grpc::ClientContext*> calls ABSL_GUARDED_BY(mutex);
};

absl::StatusOr<std::unique_ptr<CoordinatorLink>> CoordinatorLink::Create(const LinkOptions& options) {
  if (options.server.empty()) return absl::InvalidArgumentError("no server: name it with --server HOST:PORT");
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials, Credentials(options));
  RETURN_IF_ERROR(ReadToken(options.token_file).status());
  auto state = std::make_unique<State>();
  state->options = options;
  state->control = v1::WorkerService::NewStub(
      grpc::CreateCustomChannel(options.server, credentials, ClientChannelArguments()));
  state->bulk = v1::WorkerService::NewStub(grpc::CreateCustomChannel(
      options.server, credentials, ClientChannelArguments(/*own_connection=*/true)));
  return std::unique_ptr<CoordinatorLink>(new CoordinatorLink(std::move(state)));
}

CoordinatorLink::CoordinatorLink(std::unique_ptr<State> state) : state_(std::move(state)) {}
CoordinatorLink::~CoordinatorLink() = default;

absl::StatusOr<v1::RegisterWorkerResponse> CoordinatorLink::RegisterWorker(
    const v1::RegisterWorkerRequest& request) {
  return state_->Unary(&v1::WorkerService::Stub::RegisterWorker, request, state_->options.call_deadline);
}

absl::StatusOr<v1::HeartbeatResponse> CoordinatorLink::Heartbeat(const v1::HeartbeatRequest& request) {
  return state_->Unary(&v1::WorkerService::Stub::Heartbeat, request, state_->options.heartbeat_deadline);
}

absl::StatusOr<v1::ReportEventsResponse> CoordinatorLink::ReportEvents(
    const v1::ReportEventsRequest& request) {
  return state_->Unary(&v1::WorkerService::Stub::ReportEvents, request, state_->options.call_deadline);
}

absl::StatusOr<v1::QueryUploadResponse> CoordinatorLink::QueryUpload(const v1::QueryUploadRequest& request) {
  return state_->Unary(&v1::WorkerService::Stub::QueryUpload, request, state_->options.call_deadline);
}

absl::StatusOr<v1::FinishAttemptResponse> CoordinatorLink::FinishAttempt(
    const v1::FinishAttemptRequest& request) {
  return state_->Unary(&v1::WorkerService::Stub::FinishAttempt, request, state_->options.call_deadline);
}

absl::StatusOr<v1::UploadArtifactResponse> CoordinatorLink::UploadArtifact(
    uint64_t size, absl::FunctionRef<absl::StatusOr<bool>(v1::UploadArtifactRequest&)> next) {
  State::Call call(*state_, TransferTime(state_->options, size));
  v1::UploadArtifactResponse response;
  const auto writer = state_->bulk->UploadArtifact(call.context(), &response);
  v1::UploadArtifactRequest chunk;
  absl::Status source = absl::OkStatus();
  while (true) {
    const absl::StatusOr<bool> more = next(chunk);
    if (!more.ok()) {
      source = more.status();
      call.context()->TryCancel();
      break;
    }
    // A failed write means that the other side has answered already: Finish tells what.
    if (!*more || !writer->Write(chunk)) break;
  }
  writer->WritesDone();
  const absl::Status status = FromGrpcStatus(writer->Finish());
  if (!source.ok()) return source;
  RETURN_IF_ERROR(status);
  return response;
}

absl::Status CoordinatorLink::ReadArtifact(const v1::WorkerReadArtifactRequest& request, uint64_t size,
                                           absl::FunctionRef<absl::Status(absl::string_view data)> sink) {
  State::Call call(*state_, TransferTime(state_->options, size));
  const auto reader = state_->bulk->ReadArtifact(call.context(), request);
  v1::ReadArtifactResponse chunk;
  uint64_t offset = request.offset();
  absl::Status verdict = absl::OkStatus();
  while (verdict.ok() && reader->Read(&chunk)) {
    if (chunk.offset() != offset || chunk.crc32c() != Crc32c(chunk.data())) {
      verdict = absl::DataLossError(
          absl::StrCat("artifact ", request.sha256(), ": the chunk at byte ", offset, " arrived damaged"));
    } else {
      verdict = sink(chunk.data());
      offset += chunk.data().size();
    }
  }
  if (!verdict.ok()) call.context()->TryCancel();
  const absl::Status status = FromGrpcStatus(reader->Finish());
  return verdict.ok() ? status : verdict;
}

void CoordinatorLink::Shutdown() {
  MutexLock lock(state_->mutex);
  state_->down = true;
  for (grpc::ClientContext* context : state_->calls) context->TryCancel();
}

}  // namespace ecgtrain
