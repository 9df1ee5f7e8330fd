#include "server/api/training_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/api/artifact_streams.h"
#include "server/api/follow_sources.h"
#include "server/api/follow_stream.h"
#include "server/api/server_status.h"
#include "server/coordinator/data_registry.h"
#include "server/coordinator/job_commands.h"
#include "server/coordinator/job_query.h"
#include "server/coordinator/submission.h"

namespace ecgtrain {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

template <typename Response, typename Work>
Unary* TrainingServiceImpl::Read(Context* context, const char* method, Response* response, Work work) {
  return api_.Sync(context, method, response, [&](const Principal& principal) -> absl::StatusOr<Response> {
    Response answer;
    RETURN_IF_ERROR(api_.coordinator().store().Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(answer, work(reader, principal));
      return absl::OkStatus();
    }));
    return answer;
  });
}

Unary* TrainingServiceImpl::SubmitJobs(Context* context, const v1::SubmitJobsRequest* request,
                                       v1::SubmitJobsResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.TrainingService/SubmitJobs", response,
                    [&](const Principal& principal, Reply<v1::SubmitJobsResponse> reply) {
                      ecgtrain::SubmitJobs(api_.coordinator().mutations(), principal.name, *request,
                                           std::move(reply));
                    });
}

Unary* TrainingServiceImpl::ValidateJobs(Context* context, const v1::ValidateJobsRequest* request,
                                         v1::ValidateJobsResponse* response) {
  return Read(context, "/ecgtrain.v1.TrainingService/ValidateJobs", response,
              [&](StoreReader& reader, const Principal&) {
                Coordinator& coordinator = api_.coordinator();
                return ecgtrain::ValidateJobs(reader, coordinator.leases(), coordinator.clock().Now(),
                                              *request);
              });
}

Unary* TrainingServiceImpl::GetJob(Context* context, const v1::GetJobRequest* request,
                                   v1::GetJobResponse* response) {
  return Read(context, "/ecgtrain.v1.TrainingService/GetJob", response,
              [&, question = api_.coordinator().explanations().Ask()](StoreReader& reader,
                                                                      const Principal& principal) {
                return DescribeJob(reader, *request, principal.name, question);
              });
}

Unary* TrainingServiceImpl::ListJobs(Context* context, const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) {
  return Read(context, "/ecgtrain.v1.TrainingService/ListJobs", response,
              [&, question = api_.coordinator().explanations().Ask()](StoreReader& reader,
                                                                      const Principal& principal) {
                return ecgtrain::ListJobs(reader, *request, principal.name, question);
              });
}

Unary* TrainingServiceImpl::CancelJob(Context* context, const v1::CancelJobRequest* request,
                                      v1::CancelJobResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.TrainingService/CancelJob", response,
                    [&](const Principal& principal, Reply<v1::CancelJobResponse> reply) {
                      ecgtrain::CancelJob(api_.coordinator().mutations(), CallerOf(principal), *request,
                                          std::move(reply));
                    });
}

Unary* TrainingServiceImpl::PauseJob(Context* context, const v1::PauseJobRequest* request,
                                     v1::PauseJobResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.TrainingService/PauseJob", response,
                    [&](const Principal& principal, Reply<v1::PauseJobResponse> reply) {
                      ecgtrain::PauseJob(api_.coordinator().mutations(), CallerOf(principal), *request,
                                         std::move(reply));
                    });
}

Unary* TrainingServiceImpl::ResumeJob(Context* context, const v1::ResumeJobRequest* request,
                                      v1::ResumeJobResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.TrainingService/ResumeJob", response,
                    [&](const Principal& principal, Reply<v1::ResumeJobResponse> reply) {
                      ecgtrain::ResumeJob(api_.coordinator().mutations(), CallerOf(principal), *request,
                                          std::move(reply));
                    });
}

Unary* TrainingServiceImpl::RequeueJob(Context* context, const v1::RequeueJobRequest* request,
                                       v1::RequeueJobResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.TrainingService/RequeueJob", response,
                    [&](const Principal& principal, Reply<v1::RequeueJobResponse> reply) {
                      ecgtrain::RequeueJob(api_.coordinator().mutations(), CallerOf(principal), *request,
                                           std::move(reply));
                    });
}

Unary* TrainingServiceImpl::ListCheckpoints(Context* context, const v1::ListCheckpointsRequest* request,
                                            v1::ListCheckpointsResponse* response) {
  return Read(context, "/ecgtrain.v1.TrainingService/ListCheckpoints", response,
              [&](StoreReader& reader, const Principal& principal) {
                return ecgtrain::ListCheckpoints(reader, request->job(), principal.name);
              });
}

Unary* TrainingServiceImpl::ListWorkers(Context* context, const v1::ListWorkersRequest*,
                                        v1::ListWorkersResponse* response) {
  return Read(context, "/ecgtrain.v1.TrainingService/ListWorkers", response,
              [&](StoreReader& reader, const Principal&) -> absl::StatusOr<v1::ListWorkersResponse> {
                v1::ListWorkersResponse answer;
                ASSIGN_OR_RETURN(const auto workers, DescribeWorkers(reader, api_.coordinator().leases()));
                answer.mutable_workers()->Add(workers.begin(), workers.end());
                return answer;
              });
}

Unary* TrainingServiceImpl::UpdateWorker(Context* context, const v1::UpdateWorkerRequest* request,
                                         v1::UpdateWorkerResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.TrainingService/UpdateWorker", response,
                    [&](const Principal& principal, Reply<v1::UpdateWorkerResponse> reply) {
                      ecgtrain::UpdateWorker(api_.coordinator().mutations(), CallerOf(principal), *request,
                                             std::move(reply));
                    });
}

Unary* TrainingServiceImpl::ListDatasets(Context* context, const v1::ListDatasetsRequest*,
                                         v1::ListDatasetsResponse* response) {
  return Read(context, "/ecgtrain.v1.TrainingService/ListDatasets", response,
              [&](StoreReader& reader, const Principal&) {
                return ecgtrain::ListDatasets(reader, api_.coordinator().leases());
              });
}

Unary* TrainingServiceImpl::GetDataset(Context* context, const v1::GetDatasetRequest* request,
                                       v1::GetDatasetResponse* response) {
  return Read(context, "/ecgtrain.v1.TrainingService/GetDataset", response,
              [&](StoreReader& reader, const Principal&) {
                return ecgtrain::GetDataset(reader, api_.coordinator().leases(), request->name());
              });
}

Unary* TrainingServiceImpl::GetServerStatus(Context* context, const v1::GetServerStatusRequest*,
                                            v1::GetServerStatusResponse* response) {
  return api_.Blocking(context, "/ecgtrain.v1.TrainingService/GetServerStatus", response,
                       [this](const Principal&) { return ReadServerStatus(api_); });
}

grpc::ServerWriteReactor<v1::WatchJobResponse>* TrainingServiceImpl::WatchJob(
    Context* context, const v1::WatchJobRequest* request) {
  return MakeFollowStream<v1::WatchJobResponse>(api_, *context, "/ecgtrain.v1.TrainingService/WatchJob",
                                                *request, MakeWatchSource);
}

grpc::ServerWriteReactor<v1::ReadMetricsResponse>* TrainingServiceImpl::ReadMetrics(
    Context* context, const v1::ReadMetricsRequest* request) {
  return MakeFollowStream<v1::ReadMetricsResponse>(api_, *context, "/ecgtrain.v1.TrainingService/ReadMetrics",
                                                   *request, MakeMetricsSource);
}

grpc::ServerWriteReactor<v1::ReadLogsResponse>* TrainingServiceImpl::ReadLogs(
    Context* context, const v1::ReadLogsRequest* request) {
  return MakeFollowStream<v1::ReadLogsResponse>(api_, *context, "/ecgtrain.v1.TrainingService/ReadLogs",
                                                *request, MakeLogSource);
}

grpc::ServerWriteReactor<v1::ReadArtifactResponse>* TrainingServiceImpl::ReadArtifact(
    Context* context, const v1::ReadArtifactRequest* request) {
  auto check = [sha256 = request->sha256()](StoreReader& reader, const Principal&) -> absl::Status {
    ASSIGN_OR_RETURN(const bool referenced, reader.IsReferenced(sha256));
    if (referenced) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("no stored file ", sha256));
  };
  return new ArtifactReader(api_, *context, "/ecgtrain.v1.TrainingService/ReadArtifact",
                            {request->sha256(), request->offset()}, std::move(check));
}

}  // namespace ecgtrain
