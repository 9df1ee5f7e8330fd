#include "tests/fault/crash_points/scenario.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "server/coordinator/attempt_reports.h"
#include "server/coordinator/job_commands.h"
#include "server/coordinator/submission.h"

namespace ecgtrain {
namespace {

const Caller kCaller{.name = "ann", .any_job = true};

// The answer of a call that answers before it returns.
template <typename Response>
class Answer {
 public:
  Reply<Response> Into() {
    return [this](absl::StatusOr<Response> given) { answer_ = std::move(given); };
  }
  const absl::StatusOr<Response>& get() const { return answer_; }

 private:
  absl::StatusOr<Response> answer_ = absl::UnavailableError("no answer");
};

v1::ArtifactFile FileOf(const std::string& name, const std::string& content) {
  Sha256 hash;
  hash.Update(content);
  v1::ArtifactFile file;
  file.set_name(name);
  file.set_size(content.size());
  file.set_sha256(hash.HexDigest());
  return file;
}

v1::TrainerEvent Phase() {
  v1::TrainerEvent event;
  event.mutable_phase()->set_phase("training");
  (*event.mutable_phase()->mutable_environment())["device"] = "cpu";
  return event;
}

v1::TrainerEvent Metrics(uint64_t step) {
  v1::TrainerEvent event;
  event.mutable_metrics()->set_step(step);
  (*event.mutable_metrics()->mutable_values())["train/loss"] = 1.0 / static_cast<double>(step);
  return event;
}

// Weights of its own, a state that all share.
v1::TrainerEvent Checkpoint(uint64_t step) {
  v1::TrainerEvent event;
  v1::CheckpointEvent& checkpoint = *event.mutable_checkpoint();
  checkpoint.set_name(absl::StrCat("step-", step));
  checkpoint.set_step(step);
  checkpoint.set_metric_name("validation/loss");
  checkpoint.set_metric_value(1.0 / static_cast<double>(step));
  *checkpoint.add_files() = FileOf("model.safetensors", absl::StrCat("weights ", step));
  *checkpoint.add_files() = FileOf("state.json", "state");
  return event;
}

}  // namespace

std::vector<Scenario::Step> Scenario::Steps() {
  return {Submit(),
          Lease("lease the parent"),
          Report("begin", {Phase(), Metrics(1)}, "step 1\n"),
          Report("first checkpoint", {Checkpoint(2)}, ""),
          Upload("first weights", "weights 2"),
          Upload("first state", "state"),
          Report("second checkpoint", {Metrics(3), Checkpoint(4)}, "step 3\n"),
          Upload("second weights, which retire the first", "weights 4"),
          Command<v1::PauseJobRequest, v1::PauseJobResponse>("pause the parent", 1, PauseJob),
          Finish(v1::STOPPED_PAUSE),
          Command<v1::ResumeJobRequest, v1::ResumeJobResponse>("resume the parent", 1, ResumeJob),
          Lease("lease the parent again"),
          Report("go on", {Phase(), Metrics(5), Checkpoint(6)}, "step 5\n"),
          Upload("third weights, which retire the second", "weights 6"),
          Finish(v1::COMPLETED),
          Lease("lease the child"),
          Command<v1::CancelJobRequest, v1::CancelJobResponse>("cancel the child", 2, CancelJob),
          Finish(v1::STOPPED_CANCEL),
          Command<v1::RequeueJobRequest, v1::RequeueJobResponse>("requeue the child", 2, RequeueJob),
          Command<v1::CancelJobRequest, v1::CancelJobResponse>("cancel it in the queue", 2, CancelJob),
          Advance(absl::Hours(3)),
          Sweep()};
}

// --- the person ---

Scenario::Step Scenario::Submit() {
  v1::SubmitJobsRequest request;
  request.set_request_id(absl::StrCat("r", ++requests_));
  for (const char* name : {"parent", "child"}) {
    v1::JobSpec& spec = *request.add_specs();
    spec.set_name(name);
    spec.mutable_pretrain()->set_dataset("synthetic");
    spec.mutable_model()->set_preset("tiny");
    spec.mutable_checkpoint()->set_keep_last(1);
  }
  request.mutable_specs(1)->add_after("parent");
  ledger_.batches.push_back({"parent", "child"});
  return {"submit", [this, request](Coordinator& coordinator) {
            Answer<v1::SubmitJobsResponse> answer;
            SubmitJobs(coordinator.mutations(), "ann", request, answer.Into());
            if (!answer.get().ok()) return answer.get().status();
            for (const v1::Job& job : answer.get()->jobs()) ledger_.acknowledged[job.name()] = job.id();
            return absl::OkStatus();
          }};
}

template <typename Request, typename Response>
Scenario::Step Scenario::Command(const std::string& name, int64_t job,
                                 void (*method)(MutationRunner&, const Caller&, const Request&,
                                                Reply<Response>)) {
  Request request;
  request.set_request_id(absl::StrCat("r", ++requests_));
  request.set_job(absl::StrCat(job));
  return {name, [request, method](Coordinator& coordinator) {
            Answer<Response> answer;
            method(coordinator.mutations(), kCaller, request, answer.Into());
            return answer.get().status();
          }};
}

// --- the worker ---

absl::Status Scenario::Register(Coordinator& coordinator) {
  v1::RegisterWorkerRequest request;
  request.set_name("w1");
  request.set_host("host");
  request.set_incarnation("i1");
  v1::Device& device = *request.add_devices();
  device.set_id("cpu/0");
  device.set_kind("cpu");
  device.set_threads(1);
  Answer<v1::RegisterWorkerResponse> answer;
  coordinator.sessions().Register(request, answer.Into());
  if (answer.get().ok()) session_ = answer.get()->session();
  return answer.get().status();
}

absl::StatusOr<v1::HeartbeatResponse> Scenario::Beat(Coordinator& coordinator) {
  v1::HeartbeatRequest request;
  request.set_worker("w1");
  request.set_beat(++beat_);
  if (held_) {
    *request.add_attempts()->mutable_attempt() = attempt_;
    request.mutable_attempts(0)->set_state(v1::HeldAttempt::TRAINING);
  }
  request.set_session(session_);
  absl::StatusOr<bool> counts = coordinator.sessions().Accept(request);
  if (absl::IsFailedPrecondition(counts.status())) {
    RETURN_IF_ERROR(Register(coordinator));
    request.set_session(session_);
    counts = coordinator.sessions().Accept(request);
  }
  RETURN_IF_ERROR(counts.status());
  ASSIGN_OR_RETURN(auto answer,
                   coordinator.sessions().Answer(request, /*arrived=*/true, /*must_answer=*/true));
  return *std::move(answer);
}

Scenario::Step Scenario::Lease(const std::string& name) {
  return {name, [this](Coordinator& coordinator) -> absl::Status {
            RETURN_IF_ERROR(Beat(coordinator).status());
            RETURN_IF_ERROR(coordinator.maintenance().RunOnce());
            ASSIGN_OR_RETURN(const v1::HeartbeatResponse orders, Beat(coordinator));
            if (orders.start_size() != 1)
              return absl::InternalError(absl::StrCat(orders.start_size(), " attempts are to be started"));
            attempt_ = orders.start(0).attempt();
            seq_ = 0;
            log_offset_ = 0;
            return absl::OkStatus();
          }};
}

Scenario::Step Scenario::Report(const std::string& name, std::vector<v1::TrainerEvent> events,
                                const std::string& log) {
  // Repeated, it is the same report, whether or not the first answer came.
  std::optional<v1::ReportEventsRequest> first;
  return {name, [this, events, log, first](Coordinator& coordinator) mutable -> absl::Status {
            held_ = true;
            if (!first) {
              first.emplace();
              *first->mutable_attempt() = attempt_;
              first->set_log_offset(log_offset_);
              first->set_log(log);
              for (size_t i = 0; i < events.size(); ++i) {
                *first->add_events() = events[i];
                first->mutable_events(static_cast<int>(i))->set_seq(seq_ + i + 1);
              }
            }
            Answer<v1::ReportEventsResponse> answer;
            ReportEvents(coordinator.mutations(), *first, answer.Into());
            RETURN_IF_ERROR(answer.get().status());
            seq_ = answer.get()->acknowledged_seq();
            log_offset_ = answer.get()->acknowledged_log_offset();
            return absl::OkStatus();
          }};
}

Scenario::Step Scenario::Upload(const std::string& name, const std::string& content) {
  return {name, [this, content](Coordinator& coordinator) -> absl::Status {
            v1::QueryUploadRequest query;
            *query.mutable_attempt() = attempt_;
            *query.mutable_file() = FileOf("file", content);
            ASSIGN_OR_RETURN(const v1::QueryUploadResponse place, coordinator.uploads().Query(query));
            if (place.complete()) return absl::OkStatus();
            // Two chunks, of which the first may be there.
            for (uint64_t offset = place.durable_size();
                 offset < content.size() || offset == place.durable_size();) {
              v1::UploadArtifactRequest chunk;
              *chunk.mutable_attempt() = attempt_;
              chunk.set_upload_id(place.upload_id());
              chunk.set_offset(offset);
              chunk.set_data(content.substr(offset, content.size() / 2 + 1));
              chunk.set_crc32c(Crc32c(chunk.data()));
              ASSIGN_OR_RETURN(const v1::UploadArtifactResponse answer, coordinator.uploads().Append(chunk));
              if (answer.complete()) return absl::OkStatus();
              offset += chunk.data().size();
            }
            return absl::InternalError("all chunks are sent, and the file is not stored");
          }};
}

Scenario::Step Scenario::Finish(v1::EndReason reason) {
  return {absl::StrCat("finish with ", v1::EndReason_Name(reason)), [this, reason](Coordinator& coordinator) {
            v1::FinishAttemptRequest request;
            *request.mutable_attempt() = attempt_;
            request.set_reason(reason);
            Answer<v1::FinishAttemptResponse> answer;
            FinishAttempt(coordinator.mutations(), request, answer.Into());
            if (answer.get().ok()) held_ = false;
            return answer.get().status();
          }};
}

// --- the service itself ---

Scenario::Step Scenario::Advance(absl::Duration step) {
  return {"time passes", [this, step](Coordinator&) {
            world_.clock.Set(world_.clock.Elapsed() + step);
            return absl::OkStatus();
          }};
}

Scenario::Step Scenario::Sweep() {
  return {"sweep", [this](Coordinator& coordinator) -> absl::Status {
            // Time enough also for one that has just been started, whose files age anew.
            world_.clock.Set(world_.clock.Elapsed() + absl::Hours(3));
            return coordinator.maintenance().RunOnce();
          }};
}

std::string Describe(JobStore& store, ArtifactStore& artifacts) {
  std::string text;
  const absl::Status read = store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const auto events, reader.Events(0, 0, 10'000));
    for (const v1::JobEvent& event : events) {
      absl::StrAppend(&text, "event ", event.seq(), " ", event.job_id(), ".", event.attempt(), " ",
                      event.type(), " ", v1::JobState_Name(event.state()), " ",
                      v1::EndReason_Name(event.reason()), "\n");
    }
    ASSIGN_OR_RETURN(const auto jobs, reader.ListJobs({}));
    for (const v1::Job& job : jobs) {
      absl::StrAppend(&text, "job ", job.id(), " ", v1::JobState_Name(job.state()), " ", job.attempts(),
                      "\n");
      ASSIGN_OR_RETURN(const auto attempts, reader.ListAttempts(job.id()));
      for (const v1::Attempt& attempt : attempts) {
        ASSIGN_OR_RETURN(const std::string log, reader.Log(job.id(), attempt.number(), 0, 10'000));
        absl::StrAppend(&text, "attempt ", attempt.number(), " ", v1::EndReason_Name(attempt.reason()),
                        " from \"", attempt.resumed_from(), "\" events ", attempt.acknowledged_seq(),
                        " log \"", log, "\"\n");
      }
      ASSIGN_OR_RETURN(const auto checkpoints, reader.Checkpoints(job.id()));
      for (const v1::Checkpoint& checkpoint : checkpoints) {
        absl::StrAppend(&text, "checkpoint ", checkpoint.attempt(), "/", checkpoint.name(), " ",
                        v1::CheckpointState_Name(checkpoint.state()), "\n");
      }
      ASSIGN_OR_RETURN(const auto metrics, reader.Metrics({.job_id = job.id()}));
      absl::StrAppend(&text, "metrics ", metrics.size(), "\n");
    }
    ASSIGN_OR_RETURN(const auto files, artifacts.List("", 10'000));
    for (const std::string& sha256 : files) {
      ASSIGN_OR_RETURN(const auto row, reader.StoredFile(sha256));
      absl::StrAppend(&text, "file ", sha256, row.has_value() ? " with" : " without", " a row, ",
                      artifacts.Verify(sha256).ToString(), "\n");
    }
    return absl::OkStatus();
  });
  return absl::StrCat(text, read.ToString());
}

}  // namespace ecgtrain
