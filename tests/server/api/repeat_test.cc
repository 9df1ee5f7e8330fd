// T1 (P2, F12, F13): every method that changes something is called twice, overlapping, and again after a
// restart that its answer did not survive. The answer is the same, the effect one.
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "common/crc32c.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "server/state_directory.h"
#include "tests/server/api/server_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

constexpr char kContent[] = "the weights";

// Methods that change nothing.
const std::set<std::string>& ReadingMethods() {
  static const auto& methods = *new std::set<std::string>{
      "TrainingService/ValidateJobs",    "TrainingService/GetJob",       "TrainingService/ListJobs",
      "TrainingService/WatchJob",        "TrainingService/ReadMetrics",  "TrainingService/ReadLogs",
      "TrainingService/ListCheckpoints", "TrainingService/ReadArtifact", "TrainingService/ListWorkers",
      "TrainingService/GetServerStatus", "WorkerService/ReadArtifact",   "AdminService/ListTokens",
      "TrainingService/ListDatasets",    "TrainingService/GetDataset",
  };
  return methods;
}

// "TrainingService/SubmitJobs" and so on: all methods of our services.
std::vector<std::string> AllMethods() {
  std::vector<std::string> methods;
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const char* name : {"TrainingService", "WorkerService", "AdminService"}) {
    const auto* service = pool->FindServiceByName(absl::StrCat("ecgtrain.v1.", name));
    for (int i = 0; service != nullptr && i < service->method_count(); ++i)
      methods.push_back(absl::StrCat(name, "/", std::string(service->method(i)->name())));
  }
  return methods;
}

class RepeatTest : public ServerFixture {
 public:
  struct Case {
    std::function<void(RepeatTest&)> prepare;
    // The same request each time; the answer's bytes.
    std::function<absl::StatusOr<std::string>(RepeatTest&)> call;
  };
  static const std::map<std::string, Case>& Cases();

 protected:
  RepeatTest() { options_.heartbeat_hold = absl::ZeroDuration(); }

  // A server with a state directory of its own, prepared for the method.
  void Begin(const Case& method, const std::string& state) {
    Stop();
    options_.state_dir = folder_.path() / state;
    job_ = 0;
    Start();
    method.prepare(*this);
  }

  // Sends a request through any unary method of a stub.
  template <typename Stub, typename Request, typename Response>
  static absl::StatusOr<std::string> Unary(Stub& stub,
                                           grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                        Response*),
                                           const Request& request) {
    Call call;
    Response response;
    const absl::Status status = FromGrpcStatus((stub.*method)(&call.context, request, &response));
    if (!status.ok()) return status;
    return response.SerializeAsString();
  }

  // Calls any method, knowing nothing of its messages.
  absl::Status CallWithBytes(const std::string& path, const grpc::ByteBuffer& request) {
    Call call;
    grpc::CompletionQueue queue;
    grpc::ByteBuffer response;
    grpc::Status status;
    const auto rpc = grpc::GenericStub(channel_).PrepareUnaryCall(&call.context, path, request, &queue);
    rpc->StartCall();
    rpc->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return FromGrpcStatus(status);
  }

  template <typename Request>
  Request OfJob() {
    Request request;
    request.set_request_id("the-request");
    request.set_job(absl::StrCat(job_));
    return request;
  }

  void PrepareJob() { job_ = Submit("prepare"); }
  void PrepareAttempt() {
    Register();
    PrepareJob();
    attempt_ = AwaitStart(job_);
  }
  void PrepareCheckpoint() {
    PrepareAttempt();
    EXPECT_THAT(Report(Reported()), IsOk());
  }

  v1::ReportEventsRequest Reported() {
    v1::ReportEventsRequest report;
    *report.mutable_attempt() = attempt_;
    report.set_log("line\n");
    v1::TrainerEvent& metric = *report.add_events();
    metric.set_seq(1);
    (*metric.mutable_metrics()->mutable_values())["train/loss"] = 0.5;
    v1::TrainerEvent& event = *report.add_events();
    event.set_seq(2);
    event.mutable_checkpoint()->set_name("step-000000010");
    event.mutable_checkpoint()->set_step(10);
    *event.mutable_checkpoint()->add_files() = File();
    return report;
  }

  static v1::ArtifactFile File() {
    v1::ArtifactFile file;
    file.set_name("model.safetensors");
    file.set_size(sizeof(kContent) - 1);
    file.set_sha256(Sha256Hex(kContent));
    return file;
  }

  absl::StatusOr<v1::QueryUploadResponse> Query() {
    v1::QueryUploadRequest request;
    *request.mutable_attempt() = attempt_;
    *request.mutable_file() = File();
    v1::QueryUploadResponse response;
    Call call;
    const absl::Status status = FromGrpcStatus(worker_->QueryUpload(&call.context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  // As a worker uploads: asks where to go on until the file is stored.
  absl::StatusOr<std::string> Upload() {
    while (true) {
      const absl::StatusOr<v1::QueryUploadResponse> asked = Query();
      if (absl::IsUnavailable(asked.status())) continue;  // the other call is just storing it
      ASSIGN_OR_RETURN(const v1::QueryUploadResponse place, asked);
      if (place.complete()) return "stored";
      v1::UploadArtifactRequest chunk;
      *chunk.mutable_attempt() = attempt_;
      chunk.set_upload_id(place.upload_id());
      chunk.set_data(kContent);
      chunk.set_crc32c(Crc32c(kContent));
      v1::UploadArtifactResponse response;
      Call call;
      const auto writer = worker_->UploadArtifact(&call.context, &response);
      writer->Write(chunk);
      writer->WritesDone();
      const absl::Status status = FromGrpcStatus(writer->Finish());
      // The other call has just stored it.
      if (!status.ok() && !absl::IsNotFound(status)) return status;
    }
  }

  absl::StatusOr<std::string> BeatOnce() {
    while (true) {
      v1::HeartbeatRequest request;
      request.set_worker("w1");
      request.set_session(session_);
      request.set_beat(++beats_ + 1'000'000);
      const absl::StatusOr<std::string> answer =
          Unary(*worker_, &v1::WorkerService::Stub::Heartbeat, request);
      if (absl::IsFailedPrecondition(answer.status())) {
        Register();  // sessions end with the server
        continue;
      }
      // Empty: overtaken by a later beat, so that it counted for nothing.
      if (!answer.ok() || !answer->empty()) return answer;
    }
  }

  // What there is of everything, without times.
  std::string State() {
    std::string state;
    EXPECT_THAT(server_->coordinator().store().Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(const auto jobs, reader.ListJobs({}));
      for (const v1::Job& job : jobs) {
        absl::StrAppend(&state, "job ", job.id(), " ", v1::JobState_Name(job.state()), " ", job.attempts(),
                        "\n");
        ASSIGN_OR_RETURN(const auto checkpoints, reader.Checkpoints(job.id()));
        for (const auto& checkpoint : checkpoints) {
          absl::StrAppend(&state, checkpoint.name(), " ", v1::CheckpointState_Name(checkpoint.state()), "\n");
        }
        ASSIGN_OR_RETURN(const auto metrics, reader.Metrics({.job_id = job.id()}));
        absl::StrAppend(&state, metrics.size(), " points\n");
        for (uint32_t attempt = 1; attempt <= job.attempts(); ++attempt) {
          ASSIGN_OR_RETURN(const std::string log, reader.Log(job.id(), attempt, 0, 1000));
          absl::StrAppend(&state, "log: ", log);
        }
      }
      ASSIGN_OR_RETURN(const auto events, reader.Events(0, 0, 1000));
      for (const v1::JobEvent& event : events)
        absl::StrAppend(&state, event.type(), " ", event.job_id(), "\n");
      ASSIGN_OR_RETURN(const auto workers, reader.ListWorkers());
      for (const v1::Worker& worker : workers)
        absl::StrAppend(&state, worker.name(), worker.cordoned() ? " cordoned" : "", "\n");
      ASSIGN_OR_RETURN(const auto tokens, reader.ListTokens());
      for (const v1::Token& token : tokens)
        absl::StrAppend(&state, "token ", token.id(), token.revoked() ? " revoked" : "", "\n");
      return absl::OkStatus();
    }),
                IsOk());
    std::error_code none;  // no folder: no backups
    for (const auto& entry :
         std::filesystem::directory_iterator(StatePaths(options_.state_dir).backups, none)) {
      absl::StrAppend(&state, entry.path().extension().string(), " backup\n");
    }
    return state;
  }

  int64_t job_ = 0;
  v1::AttemptRef attempt_;
  std::atomic<uint64_t> beats_ = 0;
};

const std::map<std::string, RepeatTest::Case>& RepeatTest::Cases() {
  using Training = v1::TrainingService::Stub;
  using Worker = v1::WorkerService::Stub;
  using Admin = v1::AdminService::Stub;
  const auto nothing = [](RepeatTest&) {};
  const auto job = [](RepeatTest& t) { t.PrepareJob(); };
  const auto attempt = [](RepeatTest& t) { t.PrepareAttempt(); };
  static const auto& cases = *new std::map<std::string, Case>{
      {"TrainingService/SubmitJobs",
       {nothing,
        [](RepeatTest& t) {
          v1::SubmitJobsRequest request;
          request.set_request_id("the-request");
          *request.add_specs() = Pretrain();
          return Unary(*t.training_, &Training::SubmitJobs, request);
        }}},
      {"TrainingService/CancelJob",
       {job,
        [](RepeatTest& t) {
          return Unary(*t.training_, &Training::CancelJob, t.OfJob<v1::CancelJobRequest>());
        }}},
      {"TrainingService/PauseJob",
       {job,
        [](RepeatTest& t) {
          return Unary(*t.training_, &Training::PauseJob, t.OfJob<v1::PauseJobRequest>());
        }}},
      {"TrainingService/ResumeJob",
       {[](RepeatTest& t) {
          t.PrepareJob();
          auto request = t.OfJob<v1::PauseJobRequest>();
          request.set_request_id("prepare-pause");
          EXPECT_THAT(Unary(*t.training_, &Training::PauseJob, request), IsOk());
        },
        [](RepeatTest& t) {
          return Unary(*t.training_, &Training::ResumeJob, t.OfJob<v1::ResumeJobRequest>());
        }}},
      {"TrainingService/RequeueJob",
       {[](RepeatTest& t) {
          t.PrepareJob();
          auto request = t.OfJob<v1::CancelJobRequest>();
          request.set_request_id("prepare-cancel");
          EXPECT_THAT(Unary(*t.training_, &Training::CancelJob, request), IsOk());
        },
        [](RepeatTest& t) {
          return Unary(*t.training_, &Training::RequeueJob, t.OfJob<v1::RequeueJobRequest>());
        }}},
      {"TrainingService/UpdateWorker",
       {[](RepeatTest& t) { t.Register(); },
        [](RepeatTest& t) {
          v1::UpdateWorkerRequest request;
          request.set_request_id("the-request");
          request.set_name("w1");
          request.set_cordoned(true);
          return Unary(*t.training_, &Training::UpdateWorker, request);
        }}},
      {"WorkerService/RegisterWorker",
       {nothing,
        [](RepeatTest& t) -> absl::StatusOr<std::string> {
          v1::RegisterWorkerRequest request;
          request.set_name("w1");
          request.set_host("host");
          request.set_incarnation("i-w1");
          v1::RegisterWorkerResponse response;
          Call call;
          RETURN_IF_ERROR(FromGrpcStatus(t.worker_->RegisterWorker(&call.context, request, &response)));
          EXPECT_NE(response.session(), t.session_) << "each registration opens a session of its own";
          response.clear_session();
          return response.SerializeAsString();
        }}},
      // A beat that is repeated has a new number; the orders are the same until they are carried out.
      {"WorkerService/Heartbeat", {attempt, [](RepeatTest& t) { return t.BeatOnce(); }}},
      {"WorkerService/ReportEvents",
       {attempt, [](RepeatTest& t) { return Unary(*t.worker_, &Worker::ReportEvents, t.Reported()); }}},
      {"WorkerService/QueryUpload",
       {[](RepeatTest& t) { t.PrepareCheckpoint(); },
        [](RepeatTest& t) -> absl::StatusOr<std::string> {
          ASSIGN_OR_RETURN(const v1::QueryUploadResponse place, t.Query());
          return place.SerializeAsString();
        }}},
      {"WorkerService/UploadArtifact",
       {[](RepeatTest& t) { t.PrepareCheckpoint(); }, [](RepeatTest& t) { return t.Upload(); }}},
      {"WorkerService/FinishAttempt",
       {attempt,
        [](RepeatTest& t) {
          v1::FinishAttemptRequest request;
          *request.mutable_attempt() = t.attempt_;
          request.set_reason(v1::COMPLETED);
          return Unary(*t.worker_, &Worker::FinishAttempt, request);
        }}},
      {"AdminService/RevokeToken",
       {[](RepeatTest& t) {
          v1::CreateTokenRequest request;
          request.set_principal("ann");
          request.set_role("user");
          EXPECT_THAT(Unary(*t.admin_, &Admin::CreateToken, request), IsOk());
        },
        [](RepeatTest& t) {
          v1::RevokeTokenRequest request;
          request.set_id(1);
          return Unary(*t.admin_, &Admin::RevokeToken, request);
        }}},
      {"AdminService/BackUp",
       {nothing,
        [](RepeatTest& t) {
          v1::BackUpRequest request;
          request.set_request_id("the-request");
          return Unary(*t.admin_, &Admin::BackUp, request);
        }}},
  };
  return cases;
}

class EveryMutatingMethod : public RepeatTest, public testing::WithParamInterface<std::string> {};

TEST_P(EveryMutatingMethod, HasOneEffectAndOneAnswerHoweverOftenItIsCalled) {
  const Case& method = Cases().at(GetParam());
  // Once; then the server restarts, as if the answer were lost with it; then again.
  Begin(method, "restarted");
  const absl::StatusOr<std::string> first = method.call(*this);
  ASSERT_THAT(first, IsOk());
  const std::string once = State();
  Stop();
  Start();
  const absl::StatusOr<std::string> again = method.call(*this);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, *first);
  EXPECT_EQ(State(), once);

  // Two at the same time.
  Begin(method, "overlapping");
  absl::StatusOr<std::string> answers[2];
  std::thread threads[2];
  for (int i = 0; i < 2; ++i) threads[i] = std::thread([&, i] { answers[i] = method.call(*this); });
  for (std::thread& thread : threads) thread.join();
  ASSERT_THAT(answers[0], IsOk());
  ASSERT_THAT(answers[1], IsOk());
  EXPECT_EQ(*answers[0], *answers[1]);
  EXPECT_EQ(State(), once) << "as after one call";
}

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : RepeatTest::Cases()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(T1, EveryMutatingMethod, testing::ValuesIn(CaseNames()),
                         [](const auto& info) { return info.param.substr(info.param.find('/') + 1); });

// A method that is added is sorted into those that read, or gets a case above.
TEST(RepeatCoverageTest, EveryMethodOnlyReadsOrHasACase) {
  std::set<std::string> uncovered;
  for (const std::string& method : AllMethods()) {
    const bool reads = ReadingMethods().contains(method);
    const bool repeats = RepeatTest::Cases().contains(method);
    EXPECT_FALSE(reads && repeats) << method;
    if (!reads && !repeats) uncovered.insert(method);
  }
  // Not repeatable on purpose: the secret is not kept (admin_service.proto). An unused token is revoked.
  EXPECT_EQ(uncovered, std::set<std::string>{"AdminService/CreateToken"});
}

// T1, S4: no handler without Authorize. One message of no bytes is a request of every method.
TEST_F(RepeatTest, NoMethodAnswersACallerWithoutCredentials) {
  options_.require_auth = true;
  ASSERT_THAT(InitializeState(options_.state_dir, {"localhost"}, clock_), IsOk());
  Start();
  for (const std::string& method : AllMethods()) {
    const std::string path = absl::StrCat("/ecgtrain.v1.", method);
    const grpc::Slice empty("");
    EXPECT_THAT(CallWithBytes(path, grpc::ByteBuffer(&empty, 1)),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << method;
  }
}

}  // namespace
}  // namespace ecgtrain
