#include "server/api/worker_service.h"

#include <thread>

#include "common/crc32c.h"
#include "common/sha256.h"
#include "proto/channel_settings.h"
#include "proto/grpc_status.h"
#include "tests/server/api/server_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

class WorkerServiceTest : public ServerFixture {
 protected:
  void SetUp() override {
    options_.heartbeat_hold = absl::Hours(1);  // only news ends a call
    Start();
    Register();
  }

  // Announces one file as a checkpoint of the attempt.
  v1::ArtifactFile Announce(const v1::AttemptRef& attempt, const std::string& content) {
    v1::ReportEventsRequest report;
    *report.mutable_attempt() = attempt;
    v1::TrainerEvent& event = *report.add_events();
    event.set_seq(1);
    event.mutable_checkpoint()->set_name("step-000000010");
    event.mutable_checkpoint()->set_step(10);
    v1::ArtifactFile& file = *event.mutable_checkpoint()->add_files();
    file.set_name("model.safetensors");
    file.set_size(content.size());
    file.set_sha256(Sha256Hex(content));
    EXPECT_THAT(Report(report), IsOk());
    return file;
  }

  absl::StatusOr<v1::QueryUploadResponse> Query(const v1::AttemptRef& attempt, const v1::ArtifactFile& file) {
    v1::QueryUploadRequest request;
    *request.mutable_attempt() = attempt;
    *request.mutable_file() = file;
    v1::QueryUploadResponse response;
    Call call;
    const absl::Status status = FromGrpcStatus(worker_->QueryUpload(&call.context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  // Sends `content` from `begin` to `end` in chunks.
  absl::StatusOr<v1::UploadArtifactResponse> Send(const v1::AttemptRef& attempt, const std::string& upload_id,
                                                  const std::string& content, size_t begin, size_t end) {
    v1::UploadArtifactResponse response;
    Call call;
    const auto writer = worker_->UploadArtifact(&call.context, &response);
    for (size_t offset = begin; offset < end; offset += kChunkBytes) {
      v1::UploadArtifactRequest chunk;
      *chunk.mutable_attempt() = attempt;
      chunk.set_upload_id(upload_id);
      chunk.set_offset(offset);
      chunk.set_data(content.substr(offset, std::min<size_t>(kChunkBytes, end - offset)));
      chunk.set_crc32c(Crc32c(chunk.data()));
      if (!writer->Write(chunk)) break;
    }
    writer->WritesDone();
    const absl::Status status = FromGrpcStatus(writer->Finish());
    if (!status.ok()) return status;
    return response;
  }

  static std::string Content(size_t size) {
    std::string content(size, '\0');
    for (size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 2654435761u >> 13);
    return content;
  }
};

TEST_F(WorkerServiceTest, AHeldHeartbeatEndsWhenAJobIsLeasedToTheWorker) {
  int64_t id = 0;
  std::thread submitter([&] { id = Submit("job"); });
  const auto orders = Beat();
  submitter.join();
  ASSERT_THAT(orders, IsOk());
  ASSERT_EQ(orders->start_size(), 1);
  EXPECT_EQ(orders->start(0).attempt().job_id(), id);
  EXPECT_EQ(orders->start(0).spec().model().preset(), "tiny");
}

TEST_F(WorkerServiceTest, AHeldHeartbeatEndsWhenAStopIsAskedFor) {
  const int64_t id = Submit("job");
  v1::HeldAttempt held;
  *held.mutable_attempt() = AwaitStart(id);
  held.set_state(v1::HeldAttempt::TRAINING);
  std::thread canceller([&] {
    v1::CancelJobRequest request;
    request.set_request_id("cancel");
    request.set_job(absl::StrCat(id));
    v1::CancelJobResponse response;
    Call call;
    EXPECT_THAT(FromGrpcStatus(training_->CancelJob(&call.context, request, &response)), IsOk());
  });
  const auto orders = Beat({held});
  canceller.join();
  ASSERT_THAT(orders, IsOk());
  ASSERT_EQ(orders->stop_size(), 1);
  EXPECT_EQ(orders->stop(0).why(), v1::STOP_CANCEL);
}

TEST_F(WorkerServiceTest, AStaleTokenIsAbortedWithItsReason) {
  v1::AttemptRef attempt = AwaitStart(Submit("job"));
  attempt.set_token(attempt.token() + 1);
  const absl::Status stale = Finish(attempt, v1::COMPLETED).status();
  EXPECT_THAT(stale, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(ErrorReason(stale), "STALE_TOKEN");
  attempt.set_job_id(999);
  const absl::Status unknown = Finish(attempt, v1::COMPLETED).status();
  EXPECT_THAT(unknown, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(ErrorReason(unknown), "UNKNOWN_ATTEMPT");
}

TEST_F(WorkerServiceTest, AnUploadThatWasCutGoesOnAndTheFileIsReadBack) {
  const v1::AttemptRef attempt = AwaitStart(Submit("job"));
  const std::string content = Content(3 * kChunkBytes + 12345);
  const v1::ArtifactFile file = Announce(attempt, content);
  auto opened = Query(attempt, file);
  ASSERT_THAT(opened, IsOk());
  ASSERT_THAT(Send(attempt, opened->upload_id(), content, 0, 2 * kChunkBytes), IsOk());
  opened = Query(attempt, file);
  ASSERT_THAT(opened, IsOk());
  const auto done = Send(attempt, opened->upload_id(), content, opened->durable_size(), content.size());
  ASSERT_THAT(done, IsOk());
  EXPECT_TRUE(done->complete());
  EXPECT_TRUE(Query(attempt, file)->complete());

  v1::ReadArtifactRequest request;
  request.set_sha256(file.sha256());
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1000}, uint64_t{content.size()}}) {
    request.set_offset(offset);
    Call call;
    const auto reader = training_->ReadArtifact(&call.context, request);
    std::string bytes;
    v1::ReadArtifactResponse chunk;
    while (reader->Read(&chunk)) {
      EXPECT_EQ(chunk.crc32c(), Crc32c(chunk.data()));
      EXPECT_EQ(chunk.size(), content.size());
      bytes += chunk.data();
    }
    EXPECT_THAT(FromGrpcStatus(reader->Finish()), IsOk());
    EXPECT_EQ(bytes, content.substr(offset));
  }
}

TEST_F(WorkerServiceTest, ABadChecksumIsDataLoss) {
  const v1::AttemptRef attempt = AwaitStart(Submit("job"));
  const std::string content = Content(1000);
  const auto opened = Query(attempt, Announce(attempt, content));
  ASSERT_THAT(opened, IsOk());
  v1::UploadArtifactRequest chunk;
  *chunk.mutable_attempt() = attempt;
  chunk.set_upload_id(opened->upload_id());
  chunk.set_data(content);
  chunk.set_crc32c(Crc32c(content) + 1);
  v1::UploadArtifactResponse response;
  Call call;
  const auto writer = worker_->UploadArtifact(&call.context, &response);
  writer->Write(chunk);
  writer->WritesDone();
  EXPECT_THAT(FromGrpcStatus(writer->Finish()), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(WorkerServiceTest, AFileThatNoRowRefersToIsNotFound) {
  v1::ReadArtifactRequest request;
  request.set_sha256(std::string(64, '0'));
  Call call;
  const auto reader = training_->ReadArtifact(&call.context, request);
  v1::ReadArtifactResponse chunk;
  EXPECT_FALSE(reader->Read(&chunk));
  EXPECT_THAT(FromGrpcStatus(reader->Finish()), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(WorkerServiceTest, ACallerThatGoesAwayEndsItsHeldCall) {
  v1::HeartbeatRequest request;
  request.set_worker("w1");
  request.set_session(session_);
  request.set_beat(1);
  v1::HeartbeatResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  EXPECT_THAT(FromGrpcStatus(worker_->Heartbeat(&context, request, &response)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  server_->Shutdown();  // returns: nothing is held any more
}

}  // namespace
}  // namespace ecgtrain
