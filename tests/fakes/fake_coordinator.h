// A coordinator for tests of the worker: WorkerService over real gRPC on a free port, which keeps in memory
// what it is told and answers what the test has set.
#ifndef ECGTRAIN_TESTS_FAKES_FAKE_COORDINATOR_H_
#define ECGTRAIN_TESTS_FAKES_FAKE_COORDINATOR_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "ecgtrain/v1/worker_service.grpc.pb.h"

namespace ecgtrain {

// What the coordinator knows of one attempt.
struct FakeAttempt {
  std::vector<v1::TrainerEvent> events;  // numbers 1, 2, ... without gaps
  std::string log;
  std::map<std::string, std::string> files;  // by digest, complete ones
  std::optional<v1::FinishAttemptRequest> finish;
  int finishes = 0;
  int repeated_events = 0;  // arrived again after their acknowledgement
  bool stale = false;       // calls are answered ABORTED
  bool unknown = false;     // calls are answered ABORTED, UNKNOWN_ATTEMPT
};

struct FakeState {
  std::vector<v1::RegisterWorkerRequest> registrations;
  std::vector<v1::HeartbeatRequest> beats;
  std::map<int64_t, FakeAttempt> attempts;       // by token
  std::map<std::string, std::string> artifacts;  // by digest: what ReadArtifact hands out
  int chunks = 0;                                // of uploads, taken
  int upload_calls = 0;
  bool takes_logs = true;  // else bytes are not acknowledged, as with a disk that fills
  int read_calls = 0;
};

// Thread-safe.
class FakeCoordinator final : public v1::WorkerService::Service {
 public:
  FakeCoordinator();
  ~FakeCoordinator() override;

  const std::string& address() const { return address_; }
  // As when the program ends: calls break off, what was told is kept. Start serves again, on the same port.
  void Stop();
  void Start();

  // Repeated in answers to heartbeats until the worker holds the attempt or has finished it.
  void Assign(const v1::Assignment& assignment);
  // In the next answer `times` times over, whatever the worker holds.
  void AssignAnyway(const v1::Assignment& assignment, int times);
  void OrderStop(const v1::StopOrder& order);
  void Forget(const v1::AttemptRef& attempt);
  // The next calls of `method` ("ReportEvents") are answered with these.
  void FailNext(const std::string& method, std::vector<grpc::Status> answers);
  // Each upload breaks off after so many chunks, whose bytes are kept, for `times` uploads.
  void CutUploads(int after_chunks, int times);
  // Each read breaks off after so many bytes, `times` times.
  void CutReads(uint64_t after_bytes, int times);
  // The next heartbeat is answered FAILED_PRECONDITION.
  void ForgetRegistration();
  void SetStopGrace(absl::Duration grace);
  // What the test wants to change or look at.
  void With(const std::function<void(FakeState&)>& action);
  // Waits until `condition` holds; false after half a minute without it.
  bool WaitFor(const std::function<bool(const FakeState&)>& condition);

 private:
  using Condition = std::function<bool(const FakeState&)>;

  grpc::Status RegisterWorker(grpc::ServerContext* context, const v1::RegisterWorkerRequest* request,
                              v1::RegisterWorkerResponse* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context, const v1::HeartbeatRequest* request,
                         v1::HeartbeatResponse* response) override;
  grpc::Status ReportEvents(grpc::ServerContext* context, const v1::ReportEventsRequest* request,
                            v1::ReportEventsResponse* response) override;
  grpc::Status QueryUpload(grpc::ServerContext* context, const v1::QueryUploadRequest* request,
                           v1::QueryUploadResponse* response) override;
  grpc::Status UploadArtifact(grpc::ServerContext* context,
                              grpc::ServerReader<v1::UploadArtifactRequest>* reader,
                              v1::UploadArtifactResponse* response) override;
  grpc::Status ReadArtifact(grpc::ServerContext* context, const v1::WorkerReadArtifactRequest* request,
                            grpc::ServerWriter<v1::ReadArtifactResponse>* writer) override;
  grpc::Status FinishAttempt(grpc::ServerContext* context, const v1::FinishAttemptRequest* request,
                             v1::FinishAttemptResponse* response) override;

  struct Upload {
    v1::AttemptRef attempt;
    v1::ArtifactFile file;
    std::string data;
  };

  std::optional<grpc::Status> Scripted(const std::string& method) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  grpc::Status CheckToken(const v1::AttemptRef& attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool FillAnswer(const v1::HeartbeatRequest& request, v1::HeartbeatResponse& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  grpc::Status TakeChunk(const v1::UploadArtifactRequest& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  RealClock clock_;
  std::string address_ = "127.0.0.1:0";
  std::unique_ptr<grpc::Server> server_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::string session_ ABSL_GUARDED_BY(mutex_);  // "": nobody has registered
  absl::Duration stop_grace_ ABSL_GUARDED_BY(mutex_) = absl::Minutes(2);
  FakeState state_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::Assignment> assignments_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::Assignment> extra_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::StopOrder> stops_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::AttemptRef> forgets_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::deque<grpc::Status>> scripted_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Upload> uploads_ ABSL_GUARDED_BY(mutex_);
  int cut_chunks_ ABSL_GUARDED_BY(mutex_) = 0;
  int cuts_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t cut_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int read_cuts_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FAKES_FAKE_COORDINATOR_H_
