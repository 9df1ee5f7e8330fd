// A coordinator in the test's own process that answers what the test has put in, on a free port of the
// loopback.
#ifndef ECGTRAIN_TESTS_FAKES_FAKE_TRAINING_SERVICE_H_
#define ECGTRAIN_TESTS_FAKES_FAKE_TRAINING_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/mutex.h"
#include "ecgtrain/v1/admin_service.grpc.pb.h"
#include "ecgtrain/v1/training_service.grpc.pb.h"

namespace ecgtrain {

// What one stream does: sends messages, waits for the test where `held`, ends with a status.
template <typename Response>
struct StreamScript {
  std::vector<Response> messages;
  grpc::Status end;
  bool held = false;
};

// What the fake holds. Filled before the first call.
struct FakeState {
  std::vector<v1::Job> jobs;
  std::map<int64_t, std::vector<v1::Attempt>> attempts;
  std::map<int64_t, v1::ListCheckpointsResponse> checkpoints;
  std::vector<v1::Worker> workers;
  std::vector<v1::Dataset> datasets;
  std::vector<v1::Token> tokens;
  v1::ValidateJobsResponse validation;
  v1::GetServerStatusResponse status;
  // By digest. A byte of a wrong file may be planted.
  std::map<std::string, std::string> files;
  // The next unary calls fail like this, in order.
  std::deque<grpc::Status> failures;
  // Answers of the next streams, in order; without one a stream ends OK at once.
  std::deque<StreamScript<v1::WatchJobResponse>> watches;
  std::deque<StreamScript<v1::ReadMetricsResponse>> metrics;
  std::deque<StreamScript<v1::ReadLogsResponse>> logs;
  // ReadArtifact breaks off once with UNAVAILABLE after so many bytes; 0: never.
  uint64_t break_artifact_after = 0;
  uint64_t chunk_bytes = 4;
  // "": callers need none.
  std::string token;
};

// What the fake was asked.
struct FakeRecord {
  std::vector<std::string> request_ids;
  std::vector<v1::SubmitJobsRequest> submissions;
  std::vector<v1::ListJobsRequest> lists;
  std::vector<v1::WatchJobRequest> watches;
  std::vector<v1::ReadMetricsRequest> metrics;
  std::vector<v1::ReadLogsRequest> logs;
  std::vector<v1::ReadArtifactRequest> artifacts;
  std::vector<v1::CreateTokenRequest> tokens;
  std::vector<v1::RequeueJobRequest> requeues;
  std::vector<v1::UpdateWorkerRequest> workers;
};

// Thread-safe.
class FakeTrainingService final : public v1::TrainingService::Service {
 public:
  explicit FakeTrainingService(FakeState state);
  ~FakeTrainingService() override;

  // "127.0.0.1:PORT".
  const std::string& address() const { return address_; }
  FakeRecord record();
  // Lets held streams end.
  void Release() { released_.Notify(); }

  grpc::Status SubmitJobs(grpc::ServerContext* context, const v1::SubmitJobsRequest* request,
                          v1::SubmitJobsResponse* response) override;
  grpc::Status ValidateJobs(grpc::ServerContext* context, const v1::ValidateJobsRequest* request,
                            v1::ValidateJobsResponse* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::GetJobResponse* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::CancelJobResponse* response) override;
  grpc::Status PauseJob(grpc::ServerContext* context, const v1::PauseJobRequest* request,
                        v1::PauseJobResponse* response) override;
  grpc::Status ResumeJob(grpc::ServerContext* context, const v1::ResumeJobRequest* request,
                         v1::ResumeJobResponse* response) override;
  grpc::Status RequeueJob(grpc::ServerContext* context, const v1::RequeueJobRequest* request,
                          v1::RequeueJobResponse* response) override;
  grpc::Status ListCheckpoints(grpc::ServerContext* context, const v1::ListCheckpointsRequest* request,
                               v1::ListCheckpointsResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;
  grpc::Status ListDatasets(grpc::ServerContext* context, const v1::ListDatasetsRequest* request,
                            v1::ListDatasetsResponse* response) override;
  grpc::Status GetDataset(grpc::ServerContext* context, const v1::GetDatasetRequest* request,
                          v1::GetDatasetResponse* response) override;
  grpc::Status UpdateWorker(grpc::ServerContext* context, const v1::UpdateWorkerRequest* request,
                            v1::UpdateWorkerResponse* response) override;
  grpc::Status GetServerStatus(grpc::ServerContext* context, const v1::GetServerStatusRequest* request,
                               v1::GetServerStatusResponse* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::WatchJobResponse>* writer) override;
  grpc::Status ReadMetrics(grpc::ServerContext* context, const v1::ReadMetricsRequest* request,
                           grpc::ServerWriter<v1::ReadMetricsResponse>* writer) override;
  grpc::Status ReadLogs(grpc::ServerContext* context, const v1::ReadLogsRequest* request,
                        grpc::ServerWriter<v1::ReadLogsResponse>* writer) override;
  grpc::Status ReadArtifact(grpc::ServerContext* context, const v1::ReadArtifactRequest* request,
                            grpc::ServerWriter<v1::ReadArtifactResponse>* writer) override;

 private:
  class Admin;

  // Checks the token and takes the next planned failure.
  grpc::Status Enter(grpc::ServerContext* context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A change that a job in one of these states takes: it becomes `to`.
  grpc::Status Change(grpc::ServerContext* context, const std::string& request_id,
                      const std::string& reference, const std::set<v1::JobState>& from, v1::JobState to,
                      v1::Job* changed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null where there is none.
  v1::Job* Find(const std::string& reference) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  template <typename Response>
  grpc::Status Play(const StreamScript<Response>& script, grpc::ServerWriter<Response>* writer);

  Mutex mutex_;
  FakeState state_ ABSL_GUARDED_BY(mutex_);
  FakeRecord record_ ABSL_GUARDED_BY(mutex_);
  absl::Notification released_;
  std::unique_ptr<Admin> admin_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FAKES_FAKE_TRAINING_SERVICE_H_
