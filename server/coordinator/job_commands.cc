#include "server/coordinator/job_commands.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "server/coordinator/attempt_lifecycle.h"
#include "server/coordinator/checkpoints.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/job_query.h"
#include "server/coordinator/proto_time.h"
#include "server/coordinator/replay.h"

namespace ecgtrain {
namespace {

int Strength(v1::StopRequest stop) {
  switch (stop) {
    case v1::STOP_CANCEL:
      return 4;
    case v1::STOP_PAUSE:
    case v1::STOP_TIMEOUT:
    case v1::STOP_STUCK:
      return 3;
    case v1::STOP_DRAIN:
      return 2;
    case v1::STOP_PREEMPT:
      return 1;
    default:
      return 0;
  }
}

absl::StatusOr<v1::Job> OwnJob(Mutation& mutation, const Caller& caller, const std::string& reference) {
  ASSIGN_OR_RETURN(const int64_t id, FindJob(mutation.store, reference, caller.name));
  ASSIGN_OR_RETURN(v1::Job job, mutation.store.GetJob(id));
  if (caller.any_job || job.user() == caller.name) return job;
  return WithErrorInfo(absl::PermissionDeniedError(absl::StrCat("job/", id, " belongs to ", job.user(),
                                                                "; acting on it needs the role admin")),
                       "NOT_OWNER");
}

// The common frame: replay, find the job, act, answer with it.
template <typename Request, typename Response>
void RunCommand(MutationRunner& runner, const Caller& caller, const char* method, const Request& request,
                std::function<absl::Status(Mutation&, v1::Job&)> act, Reply<Response> reply) {
  RunReplayable<Request, Response>(
      runner, {caller.name, request.request_id(), method}, request,
      [caller, reference = request.job(),
       act = std::move(act)](Mutation& mutation) -> absl::StatusOr<Response> {
        ASSIGN_OR_RETURN(v1::Job job, OwnJob(mutation, caller, reference));
        RETURN_IF_ERROR(act(mutation, job));
        job.clear_spec();
        Response response;
        *response.mutable_job() = std::move(job);
        return response;
      },
      std::move(reply));
}

absl::Status Cancel(Mutation& mutation, v1::Job& job, const std::string& actor, bool now) {
  switch (job.state()) {
    case v1::CANCELLED:
      return absl::OkStatus();
    case v1::RUNNING:
      return RequestStop(mutation, job, v1::STOP_CANCEL, now, actor, now ? "cancel now" : "cancel");
    case v1::QUEUED:
    case v1::PAUSED:
      RETURN_IF_ERROR(TransitionJob(
          mutation, job,
          {.to = v1::CANCELLED, .event = "cancelled", .actor = actor, .reason = v1::STOPPED_CANCEL}));
      return CancelDependents(mutation, job);
    default:
      return WrongState(job, "cancelled");
  }
}

absl::Status Pause(Mutation& mutation, v1::Job& job, const std::string& actor) {
  switch (job.state()) {
    case v1::PAUSED:
      return absl::OkStatus();
    case v1::RUNNING:
      if (job.stop_requested() == v1::STOP_CANCEL)
        return WrongState(job, "paused while it is being cancelled");
      return RequestStop(mutation, job, v1::STOP_PAUSE, false, actor, "pause");
    case v1::QUEUED:
      return TransitionJob(mutation, job, {.to = v1::PAUSED, .event = "paused", .actor = actor});
    default:
      return WrongState(job, "paused");
  }
}

absl::Status Resume(Mutation& mutation, v1::Job& job, const std::string& actor) {
  if (job.state() == v1::PAUSED) {
    return TransitionJob(mutation, job, {.to = v1::QUEUED, .event = "resumed", .actor = actor});
  }
  if (job.state() == v1::QUEUED) return absl::OkStatus();
  if (job.state() == v1::RUNNING && job.stop_requested() == v1::STOP_NONE) return absl::OkStatus();
  return WrongState(job, job.state() == v1::RUNNING ? "resumed before it has stopped" : "resumed");
}

absl::Status Requeue(Mutation& mutation, v1::Job& job, const std::string& actor, const std::string& from) {
  if (!IsEnded(job.state())) return WrongState(job, "requeued");
  if (!from.empty() && from != "scratch") {
    ASSIGN_OR_RETURN(const auto checkpoints, mutation.store.Checkpoints(job.id()));
    RETURN_IF_ERROR(
        WithContext(SelectCheckpoint(checkpoints, from).status(), absl::StrCat("job/", job.id())));
  }
  for (const int64_t dependency : job.dependencies()) {
    ASSIGN_OR_RETURN(const v1::Job parent, mutation.store.GetJob(dependency));
    if (parent.state() != v1::FAILED && parent.state() != v1::CANCELLED) continue;
    return absl::FailedPreconditionError(absl::StrCat("job/", job.id(), " comes after job/", dependency,
                                                      ", which is ", v1::JobState_Name(parent.state()),
                                                      "; requeue that one first"));
  }
  job.set_restart_from(from);
  job.set_requeued_after_attempt(job.attempts());
  job.set_user_retries(0);
  job.set_infrastructure_retries(0);
  job.clear_run_time();
  job.clear_result();
  return TransitionJob(mutation, job,
                       {.to = v1::QUEUED,
                        .event = "requeued",
                        .actor = actor,
                        .message = from.empty() ? "" : absl::StrCat("from ", from)});
}

}  // namespace

absl::Status RequestStop(Mutation& mutation, v1::Job& job, v1::StopRequest why, bool now,
                         const std::string& actor, const std::string& message) {
  const bool escalated = now && !job.stop_now();
  const bool stronger = Strength(why) > Strength(job.stop_requested());
  if (!stronger && !escalated) return absl::OkStatus();
  if (stronger) job.set_stop_requested(why);
  job.set_stop_now(job.stop_now() || now);
  RETURN_IF_ERROR(mutation.store.UpdateJob(job));
  mutation.effects.workers.insert(job.worker());
  return RecordEvent(
      mutation, job,
      {.event = "stop_requested", .actor = actor, .message = message, .attempt = job.attempts()});
}

void CancelJob(MutationRunner& runner, const Caller& caller, const v1::CancelJobRequest& request,
               Reply<v1::CancelJobResponse> reply) {
  RunCommand<v1::CancelJobRequest, v1::CancelJobResponse>(
      runner, caller, "CancelJob", request,
      [actor = caller.name, now = request.now()](Mutation& mutation, v1::Job& job) {
        return Cancel(mutation, job, actor, now);
      },
      std::move(reply));
}

void PauseJob(MutationRunner& runner, const Caller& caller, const v1::PauseJobRequest& request,
              Reply<v1::PauseJobResponse> reply) {
  RunCommand<v1::PauseJobRequest, v1::PauseJobResponse>(
      runner, caller, "PauseJob", request,
      [actor = caller.name](Mutation& mutation, v1::Job& job) { return Pause(mutation, job, actor); },
      std::move(reply));
}

void ResumeJob(MutationRunner& runner, const Caller& caller, const v1::ResumeJobRequest& request,
               Reply<v1::ResumeJobResponse> reply) {
  RunCommand<v1::ResumeJobRequest, v1::ResumeJobResponse>(
      runner, caller, "ResumeJob", request,
      [actor = caller.name](Mutation& mutation, v1::Job& job) { return Resume(mutation, job, actor); },
      std::move(reply));
}

void RequeueJob(MutationRunner& runner, const Caller& caller, const v1::RequeueJobRequest& request,
                Reply<v1::RequeueJobResponse> reply) {
  RunCommand<v1::RequeueJobRequest, v1::RequeueJobResponse>(
      runner, caller, "RequeueJob", request,
      [actor = caller.name, from = request.from()](Mutation& mutation, v1::Job& job) {
        return Requeue(mutation, job, actor, from);
      },
      std::move(reply));
}

void UpdateWorker(MutationRunner& runner, const Caller& caller, const v1::UpdateWorkerRequest& request,
                  Reply<v1::UpdateWorkerResponse> reply) {
  RunReplayable<v1::UpdateWorkerRequest, v1::UpdateWorkerResponse>(
      runner, {caller.name, request.request_id(), "UpdateWorker"}, request,
      [request](Mutation& mutation) -> absl::StatusOr<v1::UpdateWorkerResponse> {
        ASSIGN_OR_RETURN(v1::Worker worker, mutation.store.GetWorker(request.name()));
        worker.set_cordoned(request.cordoned());
        worker.set_cordon_reason(request.cordoned() ? request.reason() : "");
        if (!request.cordoned()) *worker.mutable_uncordoned() = ToProtoTime(mutation.now);
        RETURN_IF_ERROR(mutation.store.PutWorker(worker));
        mutation.effects.plan = true;
        v1::UpdateWorkerResponse response;
        *response.mutable_worker() = std::move(worker);
        return response;
      },
      std::move(reply));
}

}  // namespace ecgtrain
