#include "tests/fakes/fake_training_service.h"

#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crc32c.h"
#include "proto/channel_settings.h"

namespace ecgtrain {

class FakeTrainingService::Admin final : public v1::AdminService::Service {
 public:
  explicit Admin(FakeTrainingService& fake) : fake_(fake) {}

  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override {
    MutexLock lock(fake_.mutex_);
    fake_.record_.tokens.push_back(*request);
    if (const grpc::Status status = fake_.Enter(context); !status.ok()) return status;
    response->set_secret(std::string(64, 'a'));
    v1::Token& token = *response->mutable_token();
    token.set_id(7);
    token.set_principal(request->principal());
    token.set_role(request->role());
    return grpc::Status::OK;
  }

  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest*,
                          v1::ListTokensResponse* response) override {
    MutexLock lock(fake_.mutex_);
    if (const grpc::Status status = fake_.Enter(context); !status.ok()) return status;
    response->mutable_tokens()->Add(fake_.state_.tokens.begin(), fake_.state_.tokens.end());
    return grpc::Status::OK;
  }

  grpc::Status RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                           v1::RevokeTokenResponse* response) override {
    MutexLock lock(fake_.mutex_);
    if (const grpc::Status status = fake_.Enter(context); !status.ok()) return status;
    for (v1::Token& token : fake_.state_.tokens) {
      if (token.id() != request->id()) continue;
      token.set_revoked(true);
      *response->mutable_token() = token;
      return grpc::Status::OK;
    }
    return {grpc::StatusCode::NOT_FOUND, absl::StrCat("no token ", request->id())};
  }

 private:
  FakeTrainingService& fake_;
};

FakeTrainingService::FakeTrainingService(FakeState state) : state_(std::move(state)) {
  admin_ = std::make_unique<Admin>(*this);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  ApplyServerSettings(builder);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  builder.RegisterService(admin_.get());
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeTrainingService::~FakeTrainingService() {
  if (!released_.HasBeenNotified()) released_.Notify();
  server_->Shutdown();
  server_->Wait();
}

FakeRecord FakeTrainingService::record() {
  MutexLock lock(mutex_);
  return record_;
}

grpc::Status FakeTrainingService::Enter(grpc::ServerContext* context) {
  if (!state_.failures.empty()) {
    const grpc::Status failure = state_.failures.front();
    state_.failures.pop_front();
    return failure;
  }
  const auto found = context->client_metadata().find("authorization");
  const std::string given = found == context->client_metadata().end()
                                ? ""
                                : std::string(found->second.data(), found->second.size());
  if (!state_.token.empty() && given != absl::StrCat("Bearer ", state_.token)) {
    return {grpc::StatusCode::UNAUTHENTICATED, "no valid credentials"};
  }
  return grpc::Status::OK;
}

v1::Job* FakeTrainingService::Find(const std::string& reference) {
  const absl::string_view text = absl::StripPrefix(reference, "job/");
  for (v1::Job& job : state_.jobs) {
    if (absl::StrCat(job.id()) == text || job.name() == text) return &job;
  }
  return text == "@last" && !state_.jobs.empty() ? &state_.jobs.back() : nullptr;
}

namespace {

grpc::Status NoSuchJob(const std::string& job) {
  return {grpc::StatusCode::NOT_FOUND, absl::StrCat("no job ", job)};
}

}  // namespace

grpc::Status FakeTrainingService::SubmitJobs(grpc::ServerContext* context,
                                             const v1::SubmitJobsRequest* request,
                                             v1::SubmitJobsResponse* response) {
  MutexLock lock(mutex_);
  record_.request_ids.push_back(request->request_id());
  record_.submissions.push_back(*request);
  if (const grpc::Status status = Enter(context); !status.ok()) return status;
  for (int i = 0; i < request->specs_size(); ++i) {
    v1::Job& job = *response->add_jobs();
    job.set_id(100 + i);
    job.set_name(request->specs(i).name());
    job.set_state(request->hold() ? v1::PAUSED : v1::QUEUED);
    state_.jobs.push_back(job);
  }
  return grpc::Status::OK;
}

grpc::Status FakeTrainingService::ValidateJobs(grpc::ServerContext* context,
                                               const v1::ValidateJobsRequest* request,
                                               v1::ValidateJobsResponse* response) {
  MutexLock lock(mutex_);
  *response = state_.validation;
  if (response->resolved().empty()) *response->mutable_resolved() = request->specs();
  return Enter(context);
}

grpc::Status FakeTrainingService::GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                                         v1::GetJobResponse* response) {
  MutexLock lock(mutex_);
  if (const grpc::Status status = Enter(context); !status.ok()) return status;
  const v1::Job* job = Find(request->job());
  if (job == nullptr) return NoSuchJob(request->job());
  *response->mutable_job() = *job;
  const std::vector<v1::Attempt>& attempts = state_.attempts[job->id()];
  response->mutable_attempts()->Add(attempts.begin(), attempts.end());
  return grpc::Status::OK;
}

grpc::Status FakeTrainingService::ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                                           v1::ListJobsResponse* response) {
  MutexLock lock(mutex_);
  record_.lists.push_back(*request);
  if (const grpc::Status status = Enter(context); !status.ok()) return status;
  size_t next = 0;
  if (!request->page_token().empty() && !absl::SimpleAtoi(request->page_token(), &next)) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "page token"};
  }
  // Pages of two show whether the client asks for the next one.
  const size_t end = std::min(state_.jobs.size(), next + std::min<size_t>(2, request->page_size()));
  for (; next < end; ++next) *response->add_jobs() = state_.jobs[next];
  if (next < state_.jobs.size()) response->set_next_page_token(absl::StrCat(next));
  return grpc::Status::OK;
}

grpc::Status FakeTrainingService::Change(grpc::ServerContext* context, const std::string& request_id,
                                         const std::string& reference, const std::set<v1::JobState>& from,
                                         v1::JobState to, v1::Job* changed) {
  record_.request_ids.push_back(request_id);
  if (const grpc::Status status = Enter(context); !status.ok()) return status;
  v1::Job* job = Find(reference);
  if (job == nullptr) return NoSuchJob(reference);
  if (from.count(job->state()) == 0) {
    return {grpc::StatusCode::FAILED_PRECONDITION,
            absl::StrCat("job/", job->id(), " is ", v1::JobState_Name(job->state()))};
  }
  job->set_state(to);
  *changed = *job;
  return grpc::Status::OK;
}

grpc::Status FakeTrainingService::CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                                            v1::CancelJobResponse* response) {
  MutexLock lock(mutex_);
  return Change(context, request->request_id(), request->job(), {v1::QUEUED, v1::RUNNING, v1::PAUSED},
                v1::CANCELLED, response->mutable_job());
}

grpc::Status FakeTrainingService::PauseJob(grpc::ServerContext* context, const v1::PauseJobRequest* request,
                                           v1::PauseJobResponse* response) {
  MutexLock lock(mutex_);
  return Change(context, request->request_id(), request->job(), {v1::QUEUED, v1::RUNNING}, v1::PAUSED,
                response->mutable_job());
}

grpc::Status FakeTrainingService::ResumeJob(grpc::ServerContext* context, const v1::ResumeJobRequest* request,
                                            v1::ResumeJobResponse* response) {
  MutexLock lock(mutex_);
  return Change(context, request->request_id(), request->job(), {v1::PAUSED}, v1::QUEUED,
                response->mutable_job());
}

grpc::Status FakeTrainingService::RequeueJob(grpc::ServerContext* context,
                                             const v1::RequeueJobRequest* request,
                                             v1::RequeueJobResponse* response) {
  MutexLock lock(mutex_);
  record_.requeues.push_back(*request);
  return Change(context, request->request_id(), request->job(), {v1::SUCCEEDED, v1::FAILED, v1::CANCELLED},
                v1::QUEUED, response->mutable_job());
}

grpc::Status FakeTrainingService::ListCheckpoints(grpc::ServerContext* context,
                                                  const v1::ListCheckpointsRequest* request,
                                                  v1::ListCheckpointsResponse* response) {
  MutexLock lock(mutex_);
  if (const grpc::Status status = Enter(context); !status.ok()) return status;
  const v1::Job* job = Find(request->job());
  if (job == nullptr) return NoSuchJob(request->job());
  *response = state_.checkpoints[job->id()];
  return grpc::Status::OK;
}

grpc::Status FakeTrainingService::ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest*,
                                              v1::ListWorkersResponse* response) {
  MutexLock lock(mutex_);
  response->mutable_workers()->Add(state_.workers.begin(), state_.workers.end());
  return Enter(context);
}

grpc::Status FakeTrainingService::ListDatasets(grpc::ServerContext* context, const v1::ListDatasetsRequest*,
                                               v1::ListDatasetsResponse* response) {
  MutexLock lock(mutex_);
  response->mutable_datasets()->Add(state_.datasets.begin(), state_.datasets.end());
  return Enter(context);
}

grpc::Status FakeTrainingService::GetDataset(grpc::ServerContext* context,
                                             const v1::GetDatasetRequest* request,
                                             v1::GetDatasetResponse* response) {
  MutexLock lock(mutex_);
  if (const grpc::Status status = Enter(context); !status.ok()) return status;
  for (const v1::Dataset& dataset : state_.datasets) {
    if (dataset.name() == request->name()) *response->mutable_dataset() = dataset;
  }
  if (response->has_dataset()) return grpc::Status::OK;
  return grpc::Status(grpc::StatusCode::NOT_FOUND, "no worker has a data set \"" + request->name() + "\"");
}

grpc::Status FakeTrainingService::UpdateWorker(grpc::ServerContext* context,
                                               const v1::UpdateWorkerRequest* request,
                                               v1::UpdateWorkerResponse* response) {
  MutexLock lock(mutex_);
  record_.workers.push_back(*request);
  if (const grpc::Status status = Enter(context); !status.ok()) return status;
  for (v1::Worker& worker : state_.workers) {
    if (worker.name() != request->name()) continue;
    worker.set_cordoned(request->cordoned());
    worker.set_cordon_reason(request->reason());
    *response->mutable_worker() = worker;
    return grpc::Status::OK;
  }
  return {grpc::StatusCode::NOT_FOUND, absl::StrCat("no worker ", request->name())};
}

grpc::Status FakeTrainingService::GetServerStatus(grpc::ServerContext* context,
                                                  const v1::GetServerStatusRequest*,
                                                  v1::GetServerStatusResponse* response) {
  MutexLock lock(mutex_);
  *response = state_.status;
  return Enter(context);
}

namespace {

template <typename Response>
StreamScript<Response> TakeScript(std::deque<StreamScript<Response>>& scripts) {
  if (scripts.empty()) return {};
  StreamScript<Response> script = std::move(scripts.front());
  scripts.pop_front();
  return script;
}

}  // namespace

template <typename Response>
grpc::Status FakeTrainingService::Play(const StreamScript<Response>& script,
                                       grpc::ServerWriter<Response>* writer) {
  for (const Response& message : script.messages) writer->Write(message);
  if (script.held) released_.WaitForNotification();
  return script.end;
}

grpc::Status FakeTrainingService::WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                                           grpc::ServerWriter<v1::WatchJobResponse>* writer) {
  StreamScript<v1::WatchJobResponse> script;
  {
    MutexLock lock(mutex_);
    if (const grpc::Status status = Enter(context); !status.ok()) return status;
    record_.watches.push_back(*request);
    script = TakeScript(state_.watches);
  }
  return Play(script, writer);
}

grpc::Status FakeTrainingService::ReadMetrics(grpc::ServerContext* context,
                                              const v1::ReadMetricsRequest* request,
                                              grpc::ServerWriter<v1::ReadMetricsResponse>* writer) {
  StreamScript<v1::ReadMetricsResponse> script;
  {
    MutexLock lock(mutex_);
    if (const grpc::Status status = Enter(context); !status.ok()) return status;
    record_.metrics.push_back(*request);
    script = TakeScript(state_.metrics);
  }
  return Play(script, writer);
}

grpc::Status FakeTrainingService::ReadLogs(grpc::ServerContext* context, const v1::ReadLogsRequest* request,
                                           grpc::ServerWriter<v1::ReadLogsResponse>* writer) {
  StreamScript<v1::ReadLogsResponse> script;
  {
    MutexLock lock(mutex_);
    if (const grpc::Status status = Enter(context); !status.ok()) return status;
    record_.logs.push_back(*request);
    script = TakeScript(state_.logs);
  }
  return Play(script, writer);
}

grpc::Status FakeTrainingService::ReadArtifact(grpc::ServerContext* context,
                                               const v1::ReadArtifactRequest* request,
                                               grpc::ServerWriter<v1::ReadArtifactResponse>* writer) {
  MutexLock lock(mutex_);
  if (const grpc::Status status = Enter(context); !status.ok()) return status;
  record_.artifacts.push_back(*request);
  const auto found = state_.files.find(request->sha256());
  if (found == state_.files.end()) return {grpc::StatusCode::NOT_FOUND, "no such file"};
  const std::string& content = found->second;
  for (uint64_t offset = request->offset(); offset < content.size(); offset += state_.chunk_bytes) {
    if (state_.break_artifact_after > 0 && offset >= state_.break_artifact_after) {
      state_.break_artifact_after = 0;
      return {grpc::StatusCode::UNAVAILABLE, "going away"};
    }
    v1::ReadArtifactResponse chunk;
    chunk.set_offset(offset);
    chunk.set_data(content.substr(offset, state_.chunk_bytes));
    chunk.set_crc32c(Crc32c(chunk.data()));
    chunk.set_size(content.size());
    writer->Write(chunk);
  }
  return grpc::Status::OK;
}

}  // namespace ecgtrain
