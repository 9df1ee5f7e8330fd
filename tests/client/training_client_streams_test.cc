#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/client/client_fixture.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StreamsTest : public ClientFixture {
 protected:
  absl::Status Watch(TrainingClient& client, absl::Duration max_wait = absl::InfiniteDuration()) {
    v1::WatchJobRequest request;
    request.set_job("42");
    request.set_until_ended(true);
    return client.WatchJob(
        request,
        [this](const v1::WatchJobResponse& response) {
          if (response.has_event()) events_.push_back(response.event().seq());
          return Next::kMore;
        },
        max_wait);
  }

  absl::Status ReadLogs(TrainingClient& client, v1::ReadLogsRequest request) {
    request.set_job("42");
    return client.ReadLogs(request, [this](const v1::ReadLogsResponse& response) {
      log_ += response.data();
      return Next::kMore;
    });
  }

  static v1::ReadLogsResponse Bytes(uint64_t offset, const std::string& data) {
    v1::ReadLogsResponse response;
    response.set_attempt(1);
    response.set_offset(offset);
    response.set_data(data);
    return response;
  }

  static v1::ReadLogsResponse End(uint64_t offset) {
    v1::ReadLogsResponse response;
    response.set_attempt(1);
    response.mutable_end()->set_final_offset(offset);
    response.mutable_end()->set_job_state(v1::SUCCEEDED);
    return response;
  }

  std::vector<int64_t> events_;
  std::string log_;
};

TEST_F(StreamsTest, BrokenWatchGoesOnAfterTheLastEventWithoutRepeat) {
  FakeState state;
  state.watches = {
      {{MakeEvent(1, "submitted", v1::QUEUED), MakeEvent(2, "leased", v1::RUNNING)}, kGoingAway},
      {{MakeEvent(2, "leased", v1::RUNNING), MakeEvent(5, "succeeded", v1::SUCCEEDED)}, grpc::Status::OK}};
  TrainingClient& client = Connect(state);
  EXPECT_TRUE(Watch(client).ok());
  EXPECT_THAT(events_, ElementsAre(1, 2, 5));
  EXPECT_EQ(fake_->record().watches[1].after_event(), 2);
  EXPECT_EQ(reconnects_, 1);
  EXPECT_THAT(waits_, ElementsAre(absl::Milliseconds(200)));
}

TEST_F(StreamsTest, WatchThatEndsBeforeTheJobIsOpenedAgain) {
  FakeState state;
  state.watches = {{{MakeEvent(1, "leased", v1::RUNNING)}, grpc::Status::OK},
                   {{MakeEvent(2, "failed", v1::FAILED)}, grpc::Status::OK}};
  EXPECT_TRUE(Watch(Connect(state)).ok());
  EXPECT_THAT(events_, ElementsAre(1, 2));
}

TEST_F(StreamsTest, OneOutageIsToldOnce) {
  FakeState state;
  state.watches = {{{MakeEvent(1, "leased", v1::RUNNING)}, kGoingAway},
                   {{}, kGoingAway},
                   {{}, kGoingAway},
                   {{MakeEvent(2, "succeeded", v1::SUCCEEDED)}, grpc::Status::OK}};
  EXPECT_TRUE(Watch(Connect(state)).ok());
  EXPECT_EQ(reconnects_, 1);
  EXPECT_THAT(waits_, ElementsAre(absl::Milliseconds(200), absl::Milliseconds(400), absl::Milliseconds(800)));
}

TEST_F(StreamsTest, WatchThatNeverHearsAnythingEndsAfterTheCallTimeout) {
  FakeState state;
  for (int i = 0; i < 100; ++i) state.watches.push_back({{}, kGoingAway});
  EXPECT_TRUE(absl::IsUnavailable(Watch(Connect(state))));
  absl::Duration waited;
  for (const absl::Duration wait : waits_) waited += wait;
  EXPECT_LT(waited, absl::Seconds(30));
  EXPECT_EQ(reconnects_, 0);
}

TEST_F(StreamsTest, WaitIsOverAfterMaxWait) {
  FakeState state;
  state.watches = {{{MakeEvent(1, "leased", v1::RUNNING)}, kGoingAway}, {{}, kGoingAway}};
  TrainingClient& client = Connect(state);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Watch(client, absl::Milliseconds(200))));
}

TEST_F(StreamsTest, CancellationEndsAStreamThatWaits) {
  FakeState state;
  state.watches = {{{MakeEvent(1, "leased", v1::RUNNING)}, grpc::Status::OK, /*held=*/true}};
  TrainingClient& client = Connect(state);
  v1::WatchJobRequest request;
  request.set_job("42");
  const absl::Status status = client.WatchJob(request, [this](const v1::WatchJobResponse&) {
    cancellation_.Cancel();
    return Next::kMore;
  });
  EXPECT_TRUE(absl::IsCancelled(status));
}

TEST_F(StreamsTest, ErrorOfTheSinkEndsTheCall) {
  FakeState state;
  state.watches = {{{MakeEvent(1, "leased", v1::RUNNING)}, grpc::Status::OK, /*held=*/true}};
  v1::WatchJobRequest request;
  const absl::Status status = Connect(state).WatchJob(request, [](const v1::WatchJobResponse&) {
    return absl::StatusOr<Next>(absl::DataLossError("enough"));
  });
  EXPECT_TRUE(absl::IsDataLoss(status));
}

TEST_F(StreamsTest, UnknownJobIsNotTriedAgain) {
  FakeState state;
  state.watches = {{{}, grpc::Status(grpc::StatusCode::NOT_FOUND, "no job 42")}};
  EXPECT_TRUE(absl::IsNotFound(Watch(Connect(state))));
  EXPECT_TRUE(waits_.empty());
}

TEST_F(StreamsTest, LogGoesOnAtTheNextByteAndDropsWhatCameTwice) {
  FakeState state;
  state.logs = {{{Bytes(0, "abc")}, kGoingAway}, {{Bytes(1, "bcde"), End(5)}, grpc::Status::OK}};
  EXPECT_TRUE(ReadLogs(Connect(state), {}).ok());
  EXPECT_EQ(log_, "abcde");
  EXPECT_EQ(fake_->record().logs[1].offset(), 3u);
  EXPECT_EQ(fake_->record().logs[1].attempt(), 1u);
}

TEST_F(StreamsTest, LogWithoutEndMarkerHasNotEnded) {
  FakeState state;
  state.logs = {{{Bytes(0, "abc")}, grpc::Status::OK}, {{End(3)}, grpc::Status::OK}};
  EXPECT_TRUE(ReadLogs(Connect(state), {}).ok());
  EXPECT_EQ(fake_->record().logs.size(), 2u);
}

TEST_F(StreamsTest, TailTakesItsFirstOffsetFromTheServer) {
  FakeState state;
  state.logs = {{{Bytes(90, "xy")}, kGoingAway}, {{Bytes(92, "z"), End(93)}, grpc::Status::OK}};
  v1::ReadLogsRequest request;
  request.set_tail_bytes(2);
  EXPECT_TRUE(ReadLogs(Connect(state), request).ok());
  EXPECT_EQ(log_, "xyz");
  EXPECT_EQ(fake_->record().logs[1].offset(), 92u);
  EXPECT_EQ(fake_->record().logs[1].tail_bytes(), 0u);
}

TEST_F(StreamsTest, GapInALogIsDataLoss) {
  FakeState state;
  state.logs = {{{Bytes(0, "abc"), Bytes(9, "x")}, grpc::Status::OK}};
  const absl::Status status = ReadLogs(Connect(state), {});
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("byte 9"));
}

TEST_F(StreamsTest, MetricsGoOnAtTheirCursorWithoutRepeat) {
  const auto point = [](uint64_t seq, double value) {
    v1::ReadMetricsResponse response;
    response.mutable_cursor()->set_attempt(1);
    response.mutable_cursor()->set_seq(seq);
    response.add_points()->set_value(value);
    return response;
  };
  v1::ReadMetricsResponse last = point(3, std::numeric_limits<double>::infinity());
  last.set_final_state(v1::SUCCEEDED);
  FakeState state;
  state.metrics = {{{point(1, 1.5), point(2, 2.5)}, kGoingAway}, {{point(2, 2.5), last}, grpc::Status::OK}};
  v1::ReadMetricsRequest request;
  request.set_follow(true);
  std::vector<double> values;
  EXPECT_TRUE(Connect(state)
                  .ReadMetrics(request,
                               [&values](const v1::ReadMetricsResponse& response) {
                                 for (const auto& each : response.points()) values.push_back(each.value());
                                 return Next::kMore;
                               })
                  .ok());
  EXPECT_THAT(values, ElementsAre(1.5, 2.5, std::numeric_limits<double>::infinity()));
  EXPECT_EQ(fake_->record().metrics[1].after().seq(), 2u);
}

}  // namespace
}  // namespace ecgtrain
