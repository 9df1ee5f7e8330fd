// A TrainingClient against the fake, with waits that only advance a fake clock and are recorded.
#ifndef ECGTRAIN_TESTS_CLIENT_CLIENT_FIXTURE_H_
#define ECGTRAIN_TESTS_CLIENT_CLIENT_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/training_client.h"
#include "tests/fakes/fake_training_service.h"

namespace ecgtrain {

inline v1::Job MakeJob(int64_t id, const std::string& name, v1::JobState state) {
  v1::Job job;
  job.set_id(id);
  job.set_name(name);
  job.set_state(state);
  return job;
}

inline v1::WatchJobResponse MakeEvent(int64_t seq, const std::string& type, v1::JobState state) {
  v1::WatchJobResponse response;
  response.mutable_event()->set_seq(seq);
  response.mutable_event()->set_job_id(42);
  response.mutable_event()->set_type(type);
  response.mutable_event()->set_state(state);
  response.mutable_event()->mutable_time()->set_seconds(1'800'000'000 + seq);
  response.set_last_event(seq);
  return response;
}

inline v1::WatchJobResponse MakeSnapshot(const v1::Job& job, int64_t last_event) {
  v1::WatchJobResponse response;
  *response.mutable_snapshot() = job;
  response.set_last_event(last_event);
  return response;
}

inline const grpc::Status kGoingAway(grpc::StatusCode::UNAVAILABLE, "going away");

class ClientFixture : public testing::Test {
 protected:
  TrainingClient& Connect(FakeState state, const std::string& token_file = "") {
    fake_ = std::make_unique<FakeTrainingService>(std::move(state));
    ClientOptions options;
    options.server = fake_->address();
    options.request_id = "request";
    options.token_file = token_file;
    ClientHooks hooks{clock_, cancellation_};
    hooks.sleep = [this](absl::Duration wait) {
      waits_.push_back(wait);
      clock_.Advance(wait);
      return true;
    };
    hooks.random = [] { return 0.5; };
    hooks.on_reconnect = [this](const absl::Status&) { ++reconnects_; };
    auto client = TrainingClient::Create(options, hooks);
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    return *client_;
  }

  FakeClock clock_;
  Cancellation cancellation_{clock_};
  std::vector<absl::Duration> waits_;
  int reconnects_ = 0;
  std::unique_ptr<FakeTrainingService> fake_;
  std::unique_ptr<TrainingClient> client_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_CLIENT_CLIENT_FIXTURE_H_
