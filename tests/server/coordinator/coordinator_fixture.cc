#include "tests/server/coordinator/coordinator_fixture.h"

#include "server/coordinator/attempt_reports.h"
#include "server/coordinator/job_commands.h"
#include "server/coordinator/submission.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

template <typename Response>
Reply<Response> Into(absl::StatusOr<Response>& answer) {
  return [&answer](absl::StatusOr<Response> given) { answer = std::move(given); };
}

}  // namespace

CoordinatorFixture::CoordinatorFixture() {
  artifacts_ = *DirectoryArtifactStore::Open(
      {.root = folder_.path() / "artifacts", .clock = clock_, .reserve_bytes = 0});
  coordinator_ = std::make_unique<Coordinator>(store_, *artifacts_, clock_, observer_, CoordinatorOptions{});
}

v1::JobSpec CoordinatorFixture::Pretrain(const std::string& name) {
  v1::JobSpec spec;
  spec.set_name(name);
  spec.mutable_pretrain()->set_dataset("synthetic");
  spec.mutable_model()->set_preset("tiny");
  return spec;
}

v1::JobSpec CoordinatorFixture::Finetune(const std::string& from, const std::string& name) {
  v1::JobSpec spec;
  spec.set_name(name);
  spec.mutable_finetune()->set_dataset("synthetic");
  spec.mutable_finetune()->set_from(from);
  return spec;
}

std::string CoordinatorFixture::NextRequestId() { return absl::StrCat("request-", ++requests_); }

absl::StatusOr<v1::SubmitJobsResponse> CoordinatorFixture::Submit(const std::vector<v1::JobSpec>& specs,
                                                                  const std::string& request_id) {
  v1::SubmitJobsRequest request;
  request.set_request_id(request_id.empty() ? NextRequestId() : request_id);
  request.mutable_specs()->Add(specs.begin(), specs.end());
  absl::StatusOr<v1::SubmitJobsResponse> answer = absl::UnknownError("no reply");
  SubmitJobs(coordinator_->mutations(), "ann", request, Into(answer));
  return answer;
}

int64_t CoordinatorFixture::SubmitOne(const v1::JobSpec& spec) {
  const auto answer = Submit({spec});
  EXPECT_THAT(answer, IsOk());
  return answer.ok() ? answer->jobs(0).id() : 0;
}

void CoordinatorFixture::Register(const std::string& worker, const std::string& incarnation,
                                  const std::vector<v1::AttemptRef>& attempts) {
  v1::RegisterWorkerRequest request;
  request.set_name(worker);
  request.set_host("host-" + worker);
  request.set_incarnation(incarnation);
  v1::Device& device = *request.add_devices();
  device.set_id("cpu/0");
  device.set_kind("cpu");
  device.set_threads(4);
  request.mutable_attempts()->Add(attempts.begin(), attempts.end());
  absl::StatusOr<v1::RegisterWorkerResponse> answer = absl::UnknownError("no reply");
  coordinator_->sessions().Register(request, Into(answer));
  EXPECT_THAT(answer, IsOk());
  if (answer.ok()) sessions_[incarnation] = answer->session();
}

v1::HeartbeatResponse CoordinatorFixture::Beat(const std::vector<v1::HeldAttempt>& held,
                                               const std::string& worker, const std::string& incarnation) {
  v1::HeartbeatRequest request;
  request.set_worker(worker);
  request.set_session(sessions_[incarnation]);
  request.set_beat(++beats_[incarnation]);
  request.mutable_attempts()->Add(held.begin(), held.end());
  EXPECT_THAT(coordinator_->sessions().Accept(request), IsOk());
  const auto answer = coordinator_->sessions().Answer(request, /*arrived=*/true, /*must_answer=*/true);
  EXPECT_THAT(answer, IsOk());
  return answer.ok() ? answer->value_or(v1::HeartbeatResponse()) : v1::HeartbeatResponse();
}

void CoordinatorFixture::Round() { EXPECT_THAT(coordinator_->maintenance().RunOnce(), IsOk()); }

v1::AttemptRef CoordinatorFixture::StartAttempt(int64_t job) {
  Round();
  const v1::HeartbeatResponse orders = Beat();
  v1::AttemptRef ref;
  for (const v1::Assignment& assignment : orders.start()) {
    if (assignment.attempt().job_id() == job) ref = assignment.attempt();
  }
  EXPECT_EQ(ref.job_id(), job) << "was not leased";
  v1::TrainerEvent event;
  event.mutable_phase()->set_phase("training");
  (*event.mutable_phase()->mutable_environment())["device"] = "cpu";
  event.mutable_phase()->set_resumed_step(GetAttempt(job, ref.attempt()).resumed_step());
  EXPECT_THAT(ReportEvent(ref, event), IsOk());
  return ref;
}

absl::StatusOr<v1::ReportEventsResponse> CoordinatorFixture::Report(const v1::ReportEventsRequest& request) {
  absl::StatusOr<v1::ReportEventsResponse> answer = absl::UnknownError("no reply");
  ReportEvents(coordinator_->mutations(), request, Into(answer));
  return answer;
}

absl::Status CoordinatorFixture::ReportEvent(const v1::AttemptRef& attempt, v1::TrainerEvent event) {
  v1::ReportEventsRequest request;
  *request.mutable_attempt() = attempt;
  event.set_seq(GetAttempt(attempt.job_id(), attempt.attempt()).acknowledged_seq() + 1);
  *request.add_events() = std::move(event);
  return Report(request).status();
}

absl::StatusOr<v1::FinishAttemptResponse> CoordinatorFixture::Finish(const v1::AttemptRef& attempt,
                                                                     v1::EndReason reason,
                                                                     const std::string& message) {
  v1::FinishAttemptRequest request;
  *request.mutable_attempt() = attempt;
  request.set_reason(reason);
  request.set_message(message);
  absl::StatusOr<v1::FinishAttemptResponse> answer = absl::UnknownError("no reply");
  FinishAttempt(coordinator_->mutations(), request, Into(answer));
  return answer;
}

absl::Status CoordinatorFixture::Cancel(int64_t job, bool now) {
  v1::CancelJobRequest request;
  request.set_request_id(NextRequestId());
  request.set_job(absl::StrCat(job));
  request.set_now(now);
  absl::StatusOr<v1::CancelJobResponse> answer = absl::UnknownError("no reply");
  CancelJob(coordinator_->mutations(), {"ann"}, request, Into(answer));
  return answer.status();
}

absl::Status CoordinatorFixture::Pause(int64_t job) {
  v1::PauseJobRequest request;
  request.set_request_id(NextRequestId());
  request.set_job(absl::StrCat(job));
  absl::StatusOr<v1::PauseJobResponse> answer = absl::UnknownError("no reply");
  PauseJob(coordinator_->mutations(), {"ann"}, request, Into(answer));
  return answer.status();
}

absl::Status CoordinatorFixture::Resume(int64_t job) {
  v1::ResumeJobRequest request;
  request.set_request_id(NextRequestId());
  request.set_job(absl::StrCat(job));
  absl::StatusOr<v1::ResumeJobResponse> answer = absl::UnknownError("no reply");
  ResumeJob(coordinator_->mutations(), {"ann"}, request, Into(answer));
  return answer.status();
}

absl::Status CoordinatorFixture::Requeue(int64_t job, const std::string& from) {
  v1::RequeueJobRequest request;
  request.set_request_id(NextRequestId());
  request.set_job(absl::StrCat(job));
  request.set_from(from);
  absl::StatusOr<v1::RequeueJobResponse> answer = absl::UnknownError("no reply");
  RequeueJob(coordinator_->mutations(), {"ann"}, request, Into(answer));
  return answer.status();
}

v1::Job CoordinatorFixture::GetJob(int64_t id) {
  v1::Job job;
  EXPECT_THAT(store_.Read([&](StoreReader& reader) -> absl::Status {
    auto found = reader.GetJob(id);
    if (found.ok()) job = *found;
    return found.status();
  }),
              IsOk());
  return job;
}

v1::Attempt CoordinatorFixture::GetAttempt(int64_t job, uint32_t number) {
  v1::Attempt attempt;
  EXPECT_THAT(store_.Read([&](StoreReader& reader) -> absl::Status {
    auto found = reader.GetAttempt(job, number);
    if (found.ok()) attempt = *found;
    return found.status();
  }),
              IsOk());
  return attempt;
}

std::vector<v1::JobEvent> CoordinatorFixture::Events(int64_t job) {
  std::vector<v1::JobEvent> events;
  EXPECT_THAT(store_.Read([&](StoreReader& reader) -> absl::Status {
    auto found = reader.Events(job, 0, 1000);
    if (found.ok()) events = *std::move(found);
    return found.status();
  }),
              IsOk());
  return events;
}

v1::HeldAttempt CoordinatorFixture::Held(const v1::AttemptRef& attempt, v1::HeldAttempt::State state) {
  v1::HeldAttempt held;
  *held.mutable_attempt() = attempt;
  held.set_state(state);
  return held;
}

}  // namespace ecgtrain
