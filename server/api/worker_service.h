// WorkerService over the coordinator.
#ifndef ECGTRAIN_SERVER_API_WORKER_SERVICE_H_
#define ECGTRAIN_SERVER_API_WORKER_SERVICE_H_

#include "ecgtrain/v1/worker_service.grpc.pb.h"
#include "server/api/api_context.h"

namespace ecgtrain {

// Thread-safe.
class WorkerServiceImpl final : public v1::WorkerService::CallbackService {
 public:
  // `hold`: how long a heartbeat is held, on average; each by up to a fifth more or less.
  WorkerServiceImpl(ApiContext& api, absl::Duration hold) : api_(api), hold_(hold) {}

  grpc::ServerUnaryReactor* RegisterWorker(grpc::CallbackServerContext* context,
                                           const v1::RegisterWorkerRequest* request,
                                           v1::RegisterWorkerResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override;
  grpc::ServerUnaryReactor* ReportEvents(grpc::CallbackServerContext* context,
                                         const v1::ReportEventsRequest* request,
                                         v1::ReportEventsResponse* response) override;
  grpc::ServerUnaryReactor* QueryUpload(grpc::CallbackServerContext* context,
                                        const v1::QueryUploadRequest* request,
                                        v1::QueryUploadResponse* response) override;
  grpc::ServerReadReactor<v1::UploadArtifactRequest>* UploadArtifact(
      grpc::CallbackServerContext* context, v1::UploadArtifactResponse* response) override;
  grpc::ServerWriteReactor<v1::ReadArtifactResponse>* ReadArtifact(
      grpc::CallbackServerContext* context, const v1::WorkerReadArtifactRequest* request) override;
  grpc::ServerUnaryReactor* FinishAttempt(grpc::CallbackServerContext* context,
                                          const v1::FinishAttemptRequest* request,
                                          v1::FinishAttemptResponse* response) override;

 private:
  ApiContext& api_;
  const absl::Duration hold_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_WORKER_SERVICE_H_
