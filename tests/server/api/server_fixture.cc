#include "tests/server/api/server_fixture.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/channel_settings.h"
#include "proto/grpc_status.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {

ServerFixture::ServerFixture() {
  options_.state_dir = folder_.path() / "state";
  options_.listen = "127.0.0.1:0";
  options_.disk = {.logs = 0, .metrics = 0, .new_work = 0, .reserve = 0};  // whatever the host's disk has
  options_.metrics = false;  // its server takes up to 2 s to stop; tests/server/telemetry has it
}

ServerFixture::~ServerFixture() { Stop(); }

void ServerFixture::Start() {
  auto server = Server::Start(options_, clock_);
  ASSERT_THAT(server, IsOk());
  server_ = *std::move(server);
  Connect(grpc::InsecureChannelCredentials());
}

void ServerFixture::Stop() {
  training_.reset();
  worker_.reset();
  admin_.reset();
  channel_.reset();
  server_.reset();
}

void ServerFixture::Connect(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                            const std::string& host) {
  const std::vector<std::string> parts = absl::StrSplit(server_->address(), ':');
  channel_ = grpc::CreateCustomChannel(absl::StrCat(host, ":", parts.back()), credentials,
                                       ClientChannelArguments(/*own_connection=*/true));
  training_ = v1::TrainingService::NewStub(channel_);
  worker_ = v1::WorkerService::NewStub(channel_);
  admin_ = v1::AdminService::NewStub(channel_);
}

ServerFixture::Call::Call(const std::string& token) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
}

v1::JobSpec ServerFixture::Pretrain(const std::string& name) {
  v1::JobSpec spec;
  spec.set_name(name);
  spec.mutable_pretrain()->set_dataset("synthetic");
  spec.mutable_model()->set_preset("tiny");
  return spec;
}

int64_t ServerFixture::Submit(const std::string& request_id, const v1::JobSpec& spec) {
  v1::SubmitJobsRequest request;
  request.set_request_id(request_id);
  *request.add_specs() = spec;
  v1::SubmitJobsResponse response;
  Call call;
  EXPECT_THAT(FromGrpcStatus(training_->SubmitJobs(&call.context, request, &response)), IsOk());
  return response.jobs_size() == 1 ? response.jobs(0).id() : 0;
}

v1::Job ServerFixture::GetJob(int64_t id) {
  v1::GetJobRequest request;
  request.set_job(absl::StrCat(id));
  v1::GetJobResponse response;
  Call call;
  EXPECT_THAT(FromGrpcStatus(training_->GetJob(&call.context, request, &response)), IsOk());
  return response.job();
}

void ServerFixture::Register(const std::string& worker) {
  v1::RegisterWorkerRequest request;
  request.set_name(worker);
  request.set_host("host");
  request.set_incarnation("i-" + worker);
  v1::Device& device = *request.add_devices();
  device.set_id("cpu/0");
  device.set_kind("cpu");
  device.set_threads(2);
  v1::RegisterWorkerResponse response;
  Call call;
  ASSERT_THAT(FromGrpcStatus(worker_->RegisterWorker(&call.context, request, &response)), IsOk());
  session_ = response.session();
}

absl::StatusOr<v1::HeartbeatResponse> ServerFixture::Beat(const std::vector<v1::HeldAttempt>& held) {
  v1::HeartbeatRequest request;
  request.set_worker("w1");
  request.set_session(session_);
  request.set_beat(++beat_);
  request.mutable_attempts()->Add(held.begin(), held.end());
  v1::HeartbeatResponse response;
  Call call;
  const absl::Status status = FromGrpcStatus(worker_->Heartbeat(&call.context, request, &response));
  if (!status.ok()) return status;
  return response;
}

v1::AttemptRef ServerFixture::AwaitStart(int64_t job) {
  while (true) {
    const auto orders = Beat();
    EXPECT_THAT(orders, IsOk());
    if (!orders.ok()) return {};
    for (const v1::Assignment& assignment : orders->start()) {
      if (assignment.attempt().job_id() == job) return assignment.attempt();
    }
  }
}

absl::StatusOr<v1::ReportEventsResponse> ServerFixture::Report(const v1::ReportEventsRequest& request) {
  v1::ReportEventsResponse response;
  Call call;
  const absl::Status status = FromGrpcStatus(worker_->ReportEvents(&call.context, request, &response));
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::FinishAttemptResponse> ServerFixture::Finish(const v1::AttemptRef& attempt,
                                                                v1::EndReason reason) {
  v1::FinishAttemptRequest request;
  *request.mutable_attempt() = attempt;
  request.set_reason(reason);
  v1::FinishAttemptResponse response;
  Call call;
  const absl::Status status = FromGrpcStatus(worker_->FinishAttempt(&call.context, request, &response));
  if (!status.ok()) return status;
  return response;
}

}  // namespace ecgtrain
