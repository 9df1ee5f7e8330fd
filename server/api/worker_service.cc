#include "server/api/worker_service.h"

#include <random>

#include "server/api/artifact_streams.h"
#include "server/api/held_heartbeat.h"
#include "server/api/worker_checks.h"
#include "server/coordinator/attempt_reports.h"

namespace ecgtrain {
namespace {

absl::Duration Spread(absl::Duration hold) {
  thread_local std::minstd_rand random(std::random_device{}());
  return hold * std::uniform_real_distribution<double>(0.8, 1.2)(random);
}

}  // namespace

grpc::ServerUnaryReactor* WorkerServiceImpl::RegisterWorker(grpc::CallbackServerContext* context,
                                                            const v1::RegisterWorkerRequest* request,
                                                            v1::RegisterWorkerResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.WorkerService/RegisterWorker", response,
                    [&](const Principal& principal, Reply<v1::RegisterWorkerResponse> reply) {
                      if (auto status = CheckSpeaksFor(principal, request->name()); !status.ok())
                        return reply(status);
                      api_.coordinator().sessions().Register(*request, std::move(reply));
                    });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::Heartbeat(grpc::CallbackServerContext* context,
                                                       const v1::HeartbeatRequest* request,
                                                       v1::HeartbeatResponse* response) {
  return new HeldHeartbeat(api_, *context, "/ecgtrain.v1.WorkerService/Heartbeat", *request, response,
                           Spread(hold_));
}

grpc::ServerUnaryReactor* WorkerServiceImpl::ReportEvents(grpc::CallbackServerContext* context,
                                                          const v1::ReportEventsRequest* request,
                                                          v1::ReportEventsResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.WorkerService/ReportEvents", response,
                    [&](const Principal& principal, Reply<v1::ReportEventsResponse> reply) {
                      auto status = CheckOwnAttempt(api_.coordinator(), principal, request->attempt());
                      if (!status.ok()) return reply(status);
                      ecgtrain::ReportEvents(api_.coordinator().mutations(), *request, std::move(reply));
                    });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::QueryUpload(grpc::CallbackServerContext* context,
                                                         const v1::QueryUploadRequest* request,
                                                         v1::QueryUploadResponse* response) {
  return api_.Blocking(
      context, "/ecgtrain.v1.WorkerService/QueryUpload", response,
      [this, request](const Principal& principal) -> absl::StatusOr<v1::QueryUploadResponse> {
        auto status = CheckOwnAttempt(api_.coordinator(), principal, request->attempt());
        if (!status.ok()) return status;
        return api_.coordinator().uploads().Query(*request);
      });
}

grpc::ServerReadReactor<v1::UploadArtifactRequest>* WorkerServiceImpl::UploadArtifact(
    grpc::CallbackServerContext* context, v1::UploadArtifactResponse* response) {
  return new ArtifactUpload(api_, *context, "/ecgtrain.v1.WorkerService/UploadArtifact", response);
}

grpc::ServerWriteReactor<v1::ReadArtifactResponse>* WorkerServiceImpl::ReadArtifact(
    grpc::CallbackServerContext* context, const v1::WorkerReadArtifactRequest* request) {
  auto check = [this, attempt = request->attempt(), sha256 = request->sha256()](
                   StoreReader& reader, const Principal& principal) -> absl::Status {
    auto status = CheckOwnAttempt(api_.coordinator(), principal, attempt);
    return status.ok() ? CheckIsInput(reader, attempt, sha256) : status;
  };
  return new ArtifactReader(api_, *context, "/ecgtrain.v1.WorkerService/ReadArtifact",
                            {request->sha256(), request->offset()}, std::move(check));
}

grpc::ServerUnaryReactor* WorkerServiceImpl::FinishAttempt(grpc::CallbackServerContext* context,
                                                           const v1::FinishAttemptRequest* request,
                                                           v1::FinishAttemptResponse* response) {
  return api_.Async(context, "/ecgtrain.v1.WorkerService/FinishAttempt", response,
                    [&](const Principal& principal, Reply<v1::FinishAttemptResponse> reply) {
                      auto status = CheckOwnAttempt(api_.coordinator(), principal, request->attempt());
                      if (!status.ok()) return reply(status);
                      ecgtrain::FinishAttempt(api_.coordinator().mutations(), *request, std::move(reply));
                    });
}

}  // namespace ecgtrain
