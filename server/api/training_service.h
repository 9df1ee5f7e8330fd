// TrainingService over the coordinator.
#ifndef ECGTRAIN_SERVER_API_TRAINING_SERVICE_H_
#define ECGTRAIN_SERVER_API_TRAINING_SERVICE_H_

#include "ecgtrain/v1/training_service.grpc.pb.h"
#include "server/api/api_context.h"

namespace ecgtrain {

// Thread-safe.
class TrainingServiceImpl final : public v1::TrainingService::CallbackService {
 public:
  explicit TrainingServiceImpl(ApiContext& api) : api_(api) {}

  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  Unary* SubmitJobs(Context* context, const v1::SubmitJobsRequest* request,
                    v1::SubmitJobsResponse* response) override;
  Unary* ValidateJobs(Context* context, const v1::ValidateJobsRequest* request,
                      v1::ValidateJobsResponse* response) override;
  Unary* GetJob(Context* context, const v1::GetJobRequest* request, v1::GetJobResponse* response) override;
  Unary* ListJobs(Context* context, const v1::ListJobsRequest* request,
                  v1::ListJobsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchJobResponse>* WatchJob(Context* context,
                                                           const v1::WatchJobRequest* request) override;
  Unary* CancelJob(Context* context, const v1::CancelJobRequest* request,
                   v1::CancelJobResponse* response) override;
  Unary* PauseJob(Context* context, const v1::PauseJobRequest* request,
                  v1::PauseJobResponse* response) override;
  Unary* ResumeJob(Context* context, const v1::ResumeJobRequest* request,
                   v1::ResumeJobResponse* response) override;
  Unary* RequeueJob(Context* context, const v1::RequeueJobRequest* request,
                    v1::RequeueJobResponse* response) override;
  grpc::ServerWriteReactor<v1::ReadMetricsResponse>* ReadMetrics(
      Context* context, const v1::ReadMetricsRequest* request) override;
  grpc::ServerWriteReactor<v1::ReadLogsResponse>* ReadLogs(Context* context,
                                                           const v1::ReadLogsRequest* request) override;
  Unary* ListCheckpoints(Context* context, const v1::ListCheckpointsRequest* request,
                         v1::ListCheckpointsResponse* response) override;
  grpc::ServerWriteReactor<v1::ReadArtifactResponse>* ReadArtifact(
      Context* context, const v1::ReadArtifactRequest* request) override;
  Unary* ListWorkers(Context* context, const v1::ListWorkersRequest* request,
                     v1::ListWorkersResponse* response) override;
  Unary* UpdateWorker(Context* context, const v1::UpdateWorkerRequest* request,
                      v1::UpdateWorkerResponse* response) override;
  Unary* ListDatasets(Context* context, const v1::ListDatasetsRequest* request,
                      v1::ListDatasetsResponse* response) override;
  Unary* GetDataset(Context* context, const v1::GetDatasetRequest* request,
                    v1::GetDatasetResponse* response) override;
  Unary* GetServerStatus(Context* context, const v1::GetServerStatusRequest* request,
                         v1::GetServerStatusResponse* response) override;

 private:
  // An answer from one read of the store: work(reader, principal) -> StatusOr<Response>.
  template <typename Response, typename Work>
  Unary* Read(Context* context, const char* method, Response* response, Work work);

  ApiContext& api_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_TRAINING_SERVICE_H_
