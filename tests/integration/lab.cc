#include "tests/integration/lab.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/json.h"
#include "proto/channel_settings.h"
#include "spec/spec_parser.h"

namespace ecgtrain::testing {
namespace {

constexpr absl::Duration kLimit = absl::Minutes(2);

void SetDeadline(grpc::ClientContext& context, absl::Time deadline) {
  context.set_deadline(absl::ToChronoTime(deadline));
  context.set_wait_for_ready(true);
}

// Repeats a call that may be repeated while the coordinator is away, as a client does.
template <typename Method, typename Request, typename Response>
grpc::Status Call(v1::TrainingService::Stub& api, Method method, const Request& request, Response* response) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (true) {
    grpc::ClientContext context;
    SetDeadline(context, deadline);
    const grpc::Status status = (api.*method)(&context, request, response);
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || absl::Now() > deadline) return status;
  }
}

bool Ended(const v1::Job& job) {
  return job.state() == v1::SUCCEEDED || job.state() == v1::FAILED || job.state() == v1::CANCELLED;
}

}  // namespace

Lab::Lab(LabFlags flags)
    : folder_(std::filesystem::path(::testing::TempDir()) / absl::StrCat("lab-", NewUuid())),
      flags_(std::move(flags)) {
  EXPECT_TRUE(MakeDirectories(folder_).ok());
}

Lab::~Lab() {
  worker_.reset();
  coordinator_.reset();
  // Trainers outlive a killed worker on purpose; a test must not leave them behind.
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "worker" / "attempts", ignored)) {
    const auto content = ReadFile(entry.path() / "process.json");
    if (!content.ok() || std::filesystem::exists(entry.path() / "exit.json")) continue;
    const auto process = ParseJson(*content, "process.json");
    if (process.ok() && process->contains("pid")) kill(-(*process)["pid"].get<pid_t>(), SIGKILL);
  }
  if (!::testing::Test::HasFailure()) std::filesystem::remove_all(folder_, ignored);
}

void Lab::StartCoordinator() {
  const std::filesystem::path address_file = folder_ / "coordinator" / "address";
  std::filesystem::remove(address_file);
  std::vector<std::string> arguments = {Program("ecg-coordinator"), "serve",      "--state-dir",
                                        folder_ / "coordinator",    "--listen",   address_,
                                        "--metrics-listen",         "127.0.0.1:0"};
  arguments.insert(arguments.end(), flags_.coordinator.begin(), flags_.coordinator.end());
  coordinator_ = std::make_unique<Process>(arguments, folder_ / "coordinator.log");
  const absl::StatusOr<std::string> address = AwaitFile(address_file);
  ASSERT_TRUE(address.ok()) << address.status() << "\n" << ReadFile(folder_ / "coordinator.log").value_or("");
  address_ = std::string(absl::StripAsciiWhitespace(*address));
  if (stub_ == nullptr) {
    stub_ = v1::TrainingService::NewStub(
        grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), ClientChannelArguments()));
  }
}

void Lab::KillCoordinator() {
  coordinator_->Signal(SIGKILL);
  coordinator_->Wait();
}

int Lab::StopCoordinator() {
  coordinator_->Signal(SIGTERM);
  return coordinator_->Wait();
}

void Lab::StartWorker() {
  // One thread a trainer: several tests share the machine.
  std::vector<std::string> arguments = {Program("ecg-worker"),
                                        "--server",
                                        worker_server_.empty() ? address_ : worker_server_,
                                        "--name",
                                        "bench-1",
                                        "--state-dir",
                                        folder_ / "worker",
                                        "--threads",
                                        "1"};
  arguments.insert(arguments.end(), flags_.worker.begin(), flags_.worker.end());
  ++worker_starts_;
  worker_ = std::make_unique<Process>(arguments, WorkerLog());
}

void Lab::KillWorker() {
  worker_->Signal(SIGKILL);
  worker_->Wait();
}

int Lab::StopWorker() {
  worker_->Signal(SIGTERM);
  return worker_->Wait();
}

std::vector<int64_t> Lab::Submit(const std::string& yaml) {
  const absl::StatusOr<std::vector<v1::JobSpec>> specs = ParseSpecs(yaml, "test.yaml");
  EXPECT_TRUE(specs.ok()) << specs.status();
  if (!specs.ok()) return {};
  v1::SubmitJobsRequest request;
  request.set_request_id(NewUuid());
  for (const v1::JobSpec& spec : *specs) *request.add_specs() = spec;
  v1::SubmitJobsResponse response;
  const grpc::Status status = Call(api(), &v1::TrainingService::Stub::SubmitJobs, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  std::vector<int64_t> ids;
  for (const v1::Job& job : response.jobs()) ids.push_back(job.id());
  return ids;
}

v1::GetJobResponse Lab::Get(int64_t job) {
  v1::GetJobRequest request;
  request.set_job(absl::StrCat(job));
  v1::GetJobResponse response;
  const grpc::Status status = Call(api(), &v1::TrainingService::Stub::GetJob, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

void Lab::Cancel(int64_t job) {
  v1::CancelJobRequest request;
  request.set_request_id(NewUuid());
  request.set_job(absl::StrCat(job));
  v1::CancelJobResponse response;
  const grpc::Status status = Call(api(), &v1::TrainingService::Stub::CancelJob, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

void Lab::Cordon(bool cordoned) {
  v1::UpdateWorkerRequest request;
  request.set_request_id(NewUuid());
  request.set_name("bench-1");
  request.set_cordoned(cordoned);
  v1::UpdateWorkerResponse response;
  const grpc::Status status = Call(api(), &v1::TrainingService::Stub::UpdateWorker, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

v1::Job Lab::Await(int64_t job, const std::function<bool(const v1::Job&)>& done) {
  const absl::Time deadline = absl::Now() + kLimit;
  v1::WatchJobRequest request;
  request.set_job(absl::StrCat(job));
  while (absl::Now() < deadline) {
    grpc::ClientContext context;
    SetDeadline(context, deadline);
    const auto stream = api().WatchJob(&context, request);
    v1::WatchJobResponse response;
    while (stream->Read(&response)) {
      request.set_after_event(std::max(request.after_event(), response.last_event()));
      if (!response.has_snapshot()) continue;
      if (done(response.snapshot()) || Ended(response.snapshot())) {
        context.TryCancel();
        return response.snapshot();
      }
    }
  }
  ADD_FAILURE() << "job " << job << " did not get there in " << kLimit << "; its log:\n"
                << Log(job, 0) << "\nworker:\n"
                << ReadFile(WorkerLog()).value_or("") << "\ncoordinator:\n"
                << ReadFile(folder_ / "coordinator.log").value_or("");
  return {};
}

v1::Job Lab::AwaitEnd(int64_t job) {
  return Await(job, [](const v1::Job&) { return false; });
}

v1::Job Lab::AwaitStep(int64_t job, uint64_t step) {
  return Await(job, [step](const v1::Job& seen) { return seen.progress().step() >= step; });
}

void Lab::Until(const std::function<bool()>& done) {
  const absl::Time deadline = absl::Now() + kLimit;
  while (!done()) {
    ASSERT_LT(absl::Now(), deadline) << "worker:\n"
                                     << ReadFile(WorkerLog()).value_or("") << "\ncoordinator:\n"
                                     << ReadFile(folder_ / "coordinator.log").value_or("");
    PassTime(absl::Milliseconds(20));
  }
}

void Lab::AwaitRegistration() {
  const auto registered = AwaitText(WorkerLog(), "registered");
  EXPECT_TRUE(registered.ok()) << registered.status();
}

void Lab::AwaitStored(int64_t job) {
  Until([&] {
    const v1::ListCheckpointsResponse listed = Checkpoints(job);
    return std::any_of(listed.checkpoints().begin(), listed.checkpoints().end(),
                       [](const v1::Checkpoint& checkpoint) { return checkpoint.state() == v1::STORED; });
  });
}

void Lab::ExpectEachStepOnce(int64_t job) {
  const v1::GetJobResponse now = Get(job);
  ASSERT_FALSE(now.attempts().empty());
  const uint64_t last = now.attempts().rbegin()->last_step();
  const std::vector<v1::MetricPoint> points = Metrics(job, "train/loss");
  ASSERT_EQ(points.size(), last);
  for (uint64_t i = 0; i < last; ++i) EXPECT_EQ(points[i].step(), i + 1);
}

std::vector<v1::MetricPoint> Lab::Metrics(int64_t job, const std::string& name) {
  v1::ReadMetricsRequest request;
  request.set_job(absl::StrCat(job));
  request.set_names(name);
  grpc::ClientContext context;
  SetDeadline(context, absl::Now() + absl::Seconds(20));
  const auto stream = api().ReadMetrics(&context, request);
  std::vector<v1::MetricPoint> points;
  v1::ReadMetricsResponse response;
  while (stream->Read(&response))
    points.insert(points.end(), response.points().begin(), response.points().end());
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return points;
}

std::string Lab::Log(int64_t job, uint32_t attempt) {
  v1::ReadLogsRequest request;
  request.set_job(absl::StrCat(job));
  request.set_attempt(attempt);
  grpc::ClientContext context;
  SetDeadline(context, absl::Now() + absl::Seconds(20));
  const auto stream = api().ReadLogs(&context, request);
  std::string text;
  v1::ReadLogsResponse response;
  while (stream->Read(&response)) text += response.data();
  return text;
}

v1::ListCheckpointsResponse Lab::Checkpoints(int64_t job) {
  v1::ListCheckpointsRequest request;
  request.set_job(absl::StrCat(job));
  v1::ListCheckpointsResponse response;
  const grpc::Status status = Call(api(), &v1::TrainingService::Stub::ListCheckpoints, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

std::string Lab::Artifact(const std::string& sha256) {
  v1::ReadArtifactRequest request;
  request.set_sha256(sha256);
  grpc::ClientContext context;
  SetDeadline(context, absl::Now() + absl::Seconds(60));
  const auto stream = api().ReadArtifact(&context, request);
  std::string bytes;
  v1::ReadArtifactResponse response;
  while (stream->Read(&response)) bytes += response.data();
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return bytes;
}

std::filesystem::path Lab::WorkerLog() const {
  return folder_ / absl::StrCat("worker-", worker_starts_, ".log");
}

std::filesystem::path Lab::RunDirectory(int64_t job, uint32_t attempt) const {
  return folder_ / "worker" / "attempts" / absl::StrCat(job, ".", attempt);
}

pid_t Lab::TrainerPid(int64_t job, uint32_t attempt) {
  const auto content = AwaitFile(RunDirectory(job, attempt) / "process.json");
  EXPECT_TRUE(content.ok()) << content.status();
  const auto process = ParseJson(content.value_or("{}"), "process.json");
  return process.ok() && process->contains("pid") ? (*process)["pid"].get<pid_t>() : -1;
}

}  // namespace ecgtrain::testing
