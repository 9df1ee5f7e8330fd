#include "client/training_client.h"

#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/connection.h"
#include "client/stubs.h"
#include "common/ids.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kPageSize = 1000;

// Binds a method of a stub.
template <typename Stub, typename Request, typename Response>
auto Method(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  return std::function<grpc::Status(grpc::ClientContext*, const Request&, Response*)>(
      [&stub, method](grpc::ClientContext* context, const Request& request, Response* response) {
        return (stub.*method)(context, request, response);
      });
}

template <typename Response>
absl::StatusOr<v1::Job> JobOf(absl::StatusOr<Response> response) {
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_job());
}

}  // namespace

using TrainingStub = v1::TrainingService::Stub;
using AdminStub = v1::AdminService::Stub;

absl::StatusOr<std::unique_ptr<TrainingClient>> TrainingClient::Create(ClientOptions options,
                                                                       ClientHooks hooks) {
  if (!hooks.random) hooks.random = SystemRandom();
  if (!hooks.sleep) {
    hooks.sleep = [&cancellation = hooks.cancellation](absl::Duration delay) {
      return cancellation.SleepFor(delay);
    };
  }
  std::string request_id = options.request_id.empty() ? NewUuid() : options.request_id;
  ASSIGN_OR_RETURN(auto connection, Connection::Open(std::move(options), std::move(hooks)));
  return std::unique_ptr<TrainingClient>(new TrainingClient(std::move(connection), std::move(request_id)));
}

TrainingClient::TrainingClient(std::unique_ptr<Connection> connection, std::string request_id)
    : connection_(std::move(connection)),
      stubs_(std::make_unique<Stubs>(connection_->channel())),
      request_id_(std::move(request_id)) {}

TrainingClient::~TrainingClient() = default;

const std::string& TrainingClient::server() const { return connection_->options().server; }

std::string TrainingClient::NextRequestId() {
  ++requests_;
  return requests_ == 1 ? request_id_ : absl::StrCat(request_id_, ".", requests_);
}

absl::StatusOr<v1::SubmitJobsResponse> TrainingClient::SubmitJobs(v1::SubmitJobsRequest request) {
  if (request.request_id().empty()) request.set_request_id(NextRequestId());
  return connection_->Call(Method(*stubs_->training, &TrainingStub::SubmitJobs), request);
}

absl::StatusOr<v1::ValidateJobsResponse> TrainingClient::ValidateJobs(
    const v1::ValidateJobsRequest& request) {
  return connection_->Call(Method(*stubs_->training, &TrainingStub::ValidateJobs), request);
}

absl::StatusOr<v1::GetJobResponse> TrainingClient::GetJob(absl::string_view job) {
  v1::GetJobRequest request;
  request.set_job(std::string(job));
  return connection_->Call(Method(*stubs_->training, &TrainingStub::GetJob), request);
}

absl::StatusOr<v1::ListJobsResponse> TrainingClient::ListJobs(v1::ListJobsRequest request, uint64_t limit) {
  v1::ListJobsResponse all;
  while (true) {
    const uint64_t missing = limit - static_cast<uint64_t>(all.jobs_size());
    request.set_page_size(static_cast<uint32_t>(std::min(kPageSize, missing)));
    ASSIGN_OR_RETURN(v1::ListJobsResponse page,
                     connection_->Call(Method(*stubs_->training, &TrainingStub::ListJobs), request));
    const bool stuck = page.jobs().empty();
    all.mutable_jobs()->MergeFrom(page.jobs());
    all.set_next_page_token(page.next_page_token());
    if (stuck || page.next_page_token().empty() || static_cast<uint64_t>(all.jobs_size()) >= limit)
      return all;
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<v1::Job> TrainingClient::CancelJob(absl::string_view job, bool now) {
  v1::CancelJobRequest request;
  request.set_request_id(NextRequestId());
  request.set_job(std::string(job));
  request.set_now(now);
  return JobOf(connection_->Call(Method(*stubs_->training, &TrainingStub::CancelJob), request));
}

absl::StatusOr<v1::Job> TrainingClient::PauseJob(absl::string_view job) {
  v1::PauseJobRequest request;
  request.set_request_id(NextRequestId());
  request.set_job(std::string(job));
  return JobOf(connection_->Call(Method(*stubs_->training, &TrainingStub::PauseJob), request));
}

absl::StatusOr<v1::Job> TrainingClient::ResumeJob(absl::string_view job) {
  v1::ResumeJobRequest request;
  request.set_request_id(NextRequestId());
  request.set_job(std::string(job));
  return JobOf(connection_->Call(Method(*stubs_->training, &TrainingStub::ResumeJob), request));
}

absl::StatusOr<v1::Job> TrainingClient::RequeueJob(absl::string_view job, absl::string_view from) {
  v1::RequeueJobRequest request;
  request.set_request_id(NextRequestId());
  request.set_job(std::string(job));
  request.set_from(std::string(from));
  return JobOf(connection_->Call(Method(*stubs_->training, &TrainingStub::RequeueJob), request));
}

absl::StatusOr<v1::ListCheckpointsResponse> TrainingClient::ListCheckpoints(absl::string_view job) {
  v1::ListCheckpointsRequest request;
  request.set_job(std::string(job));
  return connection_->Call(Method(*stubs_->training, &TrainingStub::ListCheckpoints), request);
}

absl::StatusOr<v1::ListWorkersResponse> TrainingClient::ListWorkers() {
  return connection_->Call(Method(*stubs_->training, &TrainingStub::ListWorkers), v1::ListWorkersRequest());
}

absl::StatusOr<v1::Worker> TrainingClient::UpdateWorker(absl::string_view name, bool cordoned,
                                                        absl::string_view reason) {
  v1::UpdateWorkerRequest request;
  request.set_request_id(NextRequestId());
  request.set_name(std::string(name));
  request.set_cordoned(cordoned);
  request.set_reason(std::string(reason));
  ASSIGN_OR_RETURN(v1::UpdateWorkerResponse response,
                   connection_->Call(Method(*stubs_->training, &TrainingStub::UpdateWorker), request));
  return std::move(*response.mutable_worker());
}

absl::StatusOr<v1::ListDatasetsResponse> TrainingClient::ListDatasets() {
  return connection_->Call(Method(*stubs_->training, &TrainingStub::ListDatasets), v1::ListDatasetsRequest());
}

absl::StatusOr<v1::Dataset> TrainingClient::GetDataset(absl::string_view name) {
  v1::GetDatasetRequest request;
  request.set_name(std::string(name));
  ASSIGN_OR_RETURN(v1::GetDatasetResponse response,
                   connection_->Call(Method(*stubs_->training, &TrainingStub::GetDataset), request));
  return std::move(*response.mutable_dataset());
}

absl::StatusOr<v1::GetServerStatusResponse> TrainingClient::GetServerStatus() {
  return connection_->Call(Method(*stubs_->training, &TrainingStub::GetServerStatus),
                           v1::GetServerStatusRequest());
}

absl::StatusOr<bool> TrainingClient::CheckHealth() {
  // grpc.health.v1 is not packaged as generated code. The request for the whole server is an empty message;
  // the answer's field 1 is the status, 1 for SERVING.
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                         grpc::internal::RpcMethod::NORMAL_RPC, connection_->channel());
  const std::function<grpc::Status(grpc::ClientContext*, const grpc::ByteBuffer&, grpc::ByteBuffer*)> check =
      [&](grpc::ClientContext* context, const grpc::ByteBuffer& request, grpc::ByteBuffer* response) {
        return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
            connection_->channel().get(), method, context, request, response);
      };
  const grpc::Slice empty("");
  ASSIGN_OR_RETURN(const grpc::ByteBuffer answer, connection_->Call(check, grpc::ByteBuffer(&empty, 1)));
  grpc::Slice slice;
  if (!answer.TrySingleSlice(&slice).ok())
    return absl::InternalError("the health check's answer came in pieces");
  const absl::string_view bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes == absl::string_view("\x08\x01", 2);
}

absl::StatusOr<v1::CreateTokenResponse> TrainingClient::CreateToken(const v1::CreateTokenRequest& request) {
  return connection_->Call(Method(*stubs_->admin, &AdminStub::CreateToken), request, /*repeatable=*/false);
}

absl::StatusOr<v1::ListTokensResponse> TrainingClient::ListTokens() {
  return connection_->Call(Method(*stubs_->admin, &AdminStub::ListTokens), v1::ListTokensRequest());
}

absl::StatusOr<v1::Token> TrainingClient::RevokeToken(int64_t id) {
  v1::RevokeTokenRequest request;
  request.set_id(id);
  ASSIGN_OR_RETURN(v1::RevokeTokenResponse response,
                   connection_->Call(Method(*stubs_->admin, &AdminStub::RevokeToken), request));
  return std::move(*response.mutable_token());
}

absl::StatusOr<v1::BackUpResponse> TrainingClient::BackUp() {
  v1::BackUpRequest request;
  request.set_request_id(NextRequestId());
  return connection_->Call(Method(*stubs_->admin, &AdminStub::BackUp), request);
}

}  // namespace ecgtrain
