#include "tests/bench/history_bench.h"

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock.h"
#include "common/ids.h"
#include "common/status_macros.h"
#include "ecgtrain/v1/training_service.grpc.pb.h"
#include "ecgtrain/v1/worker_service.grpc.pb.h"
#include "proto/channel_settings.h"
#include "proto/grpc_status.h"
#include "server/coordinator/leases.h"
#include "server/coordinator/scheduler.h"
#include "server/coordinator/snapshot.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/bench/figures.h"
#include "tests/integration/process.h"

namespace ecgtrain::bench {
namespace {

using testing::AwaitFile;
using testing::Process;
using testing::Program;

constexpr int kStarts = 5;
constexpr int kCalls = 500;
constexpr int kPasses = 50;

class Service {
 public:
  explicit Service(const std::filesystem::path& state) : state_(state) {}

  // Seconds from the start of the process until it is ready.
  absl::StatusOr<double> Start() {
    process_.reset();
    std::filesystem::remove(state_ / "address");
    const absl::Duration begin = clock_.Monotonic();
    process_ = std::make_unique<Process>(
        std::vector<std::string>{Program("ecg-coordinator"), "serve", "--state-dir", state_, "--listen",
                                 "127.0.0.1:0", "--no-metrics", "--max-queued", "100000"},
        state_.string() + ".log");
    ASSIGN_OR_RETURN(const std::string address, AwaitFile(state_ / "address"));
    const absl::Duration took = clock_.Monotonic() - begin;
    channel_ = grpc::CreateCustomChannel(std::string(absl::StripAsciiWhitespace(address)),
                                         grpc::InsecureChannelCredentials(), ClientChannelArguments(true));
    training_ = v1::TrainingService::NewStub(channel_);
    worker_ = v1::WorkerService::NewStub(channel_);
    return absl::ToDoubleSeconds(took);
  }

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    grpc::ClientContext context;
    Response response;
    RETURN_IF_ERROR(FromGrpcStatus((stub.*method)(&context, request, &response)));
    return response;
  }

  v1::TrainingService::Stub& training() { return *training_; }
  v1::WorkerService::Stub& worker() { return *worker_; }

 private:
  const std::filesystem::path state_;
  RealClock clock_;
  std::unique_ptr<Process> process_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::TrainingService::Stub> training_;
  std::unique_ptr<v1::WorkerService::Stub> worker_;
};

// Milliseconds of each of `count` steps.
absl::StatusOr<std::vector<double>> Times(int count, const std::function<absl::Status(int)>& step) {
  RealClock clock;
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const absl::Duration begin = clock.Monotonic();
    RETURN_IF_ERROR(step(i));
    times.push_back(absl::ToDoubleMilliseconds(clock.Monotonic() - begin));
  }
  return times;
}

// A worker with a free slot that fits none of the queued jobs, so that every pass looks at all of them.
v1::RegisterWorkerRequest IdleWorker() {
  v1::RegisterWorkerRequest request;
  request.set_name("idle");
  request.set_host("host");
  request.set_incarnation("1");
  v1::Device& device = *request.add_devices();
  device.set_id("cpu/0");
  device.set_kind("cpu");
  device.set_threads(1);
  return request;
}

// What people ask for: the newest, a user's, the queue, one state, the next page.
v1::ListJobsRequest Question(int i, int64_t jobs) {
  v1::ListJobsRequest request;
  switch (i % 7) {
    case 1:
      request.set_user(absl::StrCat("user-", i % 50));
      break;
    case 2:
      request.add_states(v1::QUEUED);
      break;
    case 3:
      request.add_states(v1::FAILED);
      request.set_user(absl::StrCat("user-", i % 50));
      break;
    case 4:
      request.set_page_token(absl::StrCat(1 + (static_cast<int64_t>(i) * 1'999) % jobs));
      break;
    case 5:  // a week
      request.mutable_submitted_after()->set_seconds(kLastSubmission - 7 * 24 * 3600);
      break;
    case 6:  // nearly nothing
      request.mutable_submitted_after()->set_seconds(kLastSubmission - 300);
      break;
  }
  return request;
}

absl::Status Submit(Service& service) {
  v1::SubmitJobsRequest request;
  request.set_request_id(NewUuid());
  v1::JobSpec& spec = *request.add_specs();
  spec.mutable_pretrain()->set_dataset("synthetic");
  spec.mutable_model()->set_preset("tiny");
  spec.mutable_resources()->set_device("gpu");
  return service.Call(service.training(), &v1::TrainingService::Stub::SubmitJobs, request).status();
}

absl::Status BenchService(const std::filesystem::path& state, const History& history) {
  Service service(state);
  std::vector<double> starts;
  for (int i = 0; i < kStarts; ++i) {
    ASSIGN_OR_RETURN(const double seconds, service.Start());
    starts.push_back(seconds);
  }
  PrintFigure("store.ready_s", Quantile(starts, 0.5), "s");
  RETURN_IF_ERROR(
      service.Call(service.worker(), &v1::WorkerService::Stub::RegisterWorker, IdleWorker()).status());
  ASSIGN_OR_RETURN(const std::vector<double> lists, Times(kCalls, [&](int i) {
                     return service
                         .Call(service.training(), &v1::TrainingService::Stub::ListJobs,
                               Question(i, history.finished))
                         .status();
                   }));
  PrintFigure("store.list_p99_ms", Quantile(lists, 0.99), "ms");
  // Each question comes after a change, so that none is answered with the plan of the one before.
  std::vector<double> submits;
  ASSIGN_OR_RETURN(
      const std::vector<double> both, Times(kCalls, [&](int i) -> absl::Status {
        ASSIGN_OR_RETURN(const std::vector<double> submit, Times(1, [&](int) { return Submit(service); }));
        submits.push_back(submit[0]);
        v1::GetJobRequest request;
        request.set_job(absl::StrCat(history.finished + 1 + (i * 17) % history.queued));
        return service.Call(service.training(), &v1::TrainingService::Stub::GetJob, request).status();
      }));
  std::vector<double> explanations;
  for (size_t i = 0; i < both.size(); ++i) explanations.push_back(both[i] - submits[i]);
  PrintFigure("store.explain_p99_ms", Quantile(explanations, 0.99), "ms");
  PrintFigure("store.submit_p99_ms", Quantile(submits, 0.99), "ms");
  return absl::OkStatus();
}

// Reading and planning, as Maintenance does it, one job having changed since the pass before.
absl::Status BenchPass(const std::string& database, const History& history) {
  RealClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<JobStore> store,
                   SqliteJobStore::Open({.path = database, .clock = clock}));
  Leases leases(clock, {});
  leases.Register("idle", "1");
  size_t waiting = 0;
  const auto pass = [&](int) {
    return store->Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(const SchedulerSnapshot snapshot, ReadSnapshot(reader, leases));
      waiting = PlanSchedule(snapshot, clock.Now()).pending.size();
      return absl::OkStatus();
    });
  };
  std::vector<double> passes;
  for (int i = 0; i < kPasses; ++i) {
    RETURN_IF_ERROR(store->WriteAndWait([&](StoreTransaction& transaction) -> absl::Status {
      ASSIGN_OR_RETURN(v1::Job job, transaction.GetJob(history.finished + 1 + i));
      job.set_message(absl::StrCat("changed ", i));
      return transaction.UpdateJob(job);
    }));
    ASSIGN_OR_RETURN(const std::vector<double> time, Times(1, pass));
    passes.push_back(time[0]);
  }
  if (waiting < static_cast<size_t>(history.queued))
    return absl::InternalError(absl::StrCat("a pass looked at ", waiting, " jobs"));
  PrintFigure("store.pass_ms", Quantile(passes, 0.5), "ms");
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchHistory(const std::filesystem::path& folder, const History& history) {
  const std::filesystem::path state = folder / "state";
  std::filesystem::create_directories(state);
  const std::string database = (state / "coordinator.db").string();
  RETURN_IF_ERROR(WriteHistory(database, history));
  RETURN_IF_ERROR(BenchService(state, history));
  return BenchPass(database, history);
}

}  // namespace ecgtrain::bench
