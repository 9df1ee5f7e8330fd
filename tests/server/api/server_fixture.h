// A whole server in this process, on a free port of the loopback, with its own state directory.
#ifndef ECGTRAIN_TESTS_SERVER_API_SERVER_FIXTURE_H_
#define ECGTRAIN_TESTS_SERVER_API_SERVER_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "ecgtrain/v1/admin_service.grpc.pb.h"
#include "ecgtrain/v1/training_service.grpc.pb.h"
#include "ecgtrain/v1/worker_service.grpc.pb.h"
#include "server/server.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {

class ServerFixture : public testing::Test {
 protected:
  ServerFixture();
  ~ServerFixture() override;

  // With `options_`. Sets the stubs.
  void Start();
  // Orderly; the state directory stays.
  void Stop();
  void Connect(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
               const std::string& host = "127.0.0.1");

  // A context with a deadline no working server reaches, and a token where `token` is set.
  struct Call {
    explicit Call(const std::string& token = "");
    grpc::ClientContext context;
  };

  static v1::JobSpec Pretrain(const std::string& name = "pre");
  // One job under this request id; its number.
  int64_t Submit(const std::string& request_id, const v1::JobSpec& spec = Pretrain());
  v1::Job GetJob(int64_t id);
  void Register(const std::string& worker = "w1");
  absl::StatusOr<v1::HeartbeatResponse> Beat(const std::vector<v1::HeldAttempt>& held = {});
  // Beats until the job is to be started.
  v1::AttemptRef AwaitStart(int64_t job);
  absl::StatusOr<v1::ReportEventsResponse> Report(const v1::ReportEventsRequest& request);
  absl::StatusOr<v1::FinishAttemptResponse> Finish(const v1::AttemptRef& attempt, v1::EndReason reason);

  RealClock clock_;
  TemporaryFolder folder_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::TrainingService::Stub> training_;
  std::unique_ptr<v1::WorkerService::Stub> worker_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string session_;  // of the worker that has registered last
  uint64_t beat_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SERVER_API_SERVER_FIXTURE_H_
