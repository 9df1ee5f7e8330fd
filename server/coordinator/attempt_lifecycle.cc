#include "server/coordinator/attempt_lifecycle.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "server/coordinator/checkpoints.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/proto_time.h"
#include "server/coordinator/retry_rules.h"
#include "server/coordinator/worker_guard.h"

namespace ecgtrain {
namespace {

constexpr char kScheduler[] = "scheduler";

absl::Status CancelForDependency(Mutation& mutation, v1::Job& job, std::string message) {
  RETURN_IF_ERROR(TransitionJob(mutation, job,
                                {.to = v1::CANCELLED,
                                 .event = "cancelled",
                                 .actor = "coordinator",
                                 .reason = v1::DEPENDENCY_FAILED,
                                 .message = std::move(message)}));
  return CancelDependents(mutation, job);
}

// Name of the checkpoint that the job's `from` means now; "" for a job without one.
absl::StatusOr<std::string> ParentCheckpoint(StoreReader& reader, const v1::Job& job) {
  if (job.parent_job() == 0) return std::string();
  ASSIGN_OR_RETURN(const auto checkpoints, reader.Checkpoints(job.parent_job()));
  ASSIGN_OR_RETURN(const v1::Checkpoint* chosen, SelectCheckpoint(checkpoints, job.parent_selector()),
                   WithContext(_, absl::StrCat("job/", job.parent_job())));
  return CheckpointName(*chosen);
}

// Whether what the scheduler saw still holds.
absl::StatusOr<bool> StillPossible(StoreReader& reader, const v1::Job& job, const LeaseDecision& decision) {
  if (job.state() != v1::QUEUED) return false;
  ASSIGN_OR_RETURN(const v1::Worker worker, reader.GetWorker(decision.worker));
  if (worker.cordoned()) return false;
  for (const std::string& device : decision.devices) {
    const bool offered = std::any_of(worker.devices().begin(), worker.devices().end(),
                                     [&](const v1::Device& offer) { return offer.id() == device; });
    if (!offered) return false;
  }
  for (const int64_t dependency : job.dependencies()) {
    ASSIGN_OR_RETURN(const v1::Job parent, reader.GetJob(dependency));
    if (parent.state() != v1::SUCCEEDED) return false;
  }
  return true;
}

absl::Status GiveUpLostAttempt(Mutation& mutation, v1::Job& job) {
  ASSIGN_OR_RETURN(v1::Attempt attempt, mutation.store.GetAttempt(job.id(), job.attempts()));
  return EndAttempt(
      mutation, job, attempt,
      {.reason = v1::WORKER_LOST,
       .message = absl::StrCat("worker ", attempt.worker(), " was not heard of for its whole lease"),
       .actor = "coordinator",
       .step = job.progress().step()});
}

// Fills in where the attempt starts. NOT_FOUND when a checkpoint it needs is gone.
absl::Status ChooseCheckpoints(StoreReader& reader, const v1::Job& job, v1::Attempt& attempt) {
  ASSIGN_OR_RETURN(const auto attempts, reader.ListAttempts(job.id()));
  ASSIGN_OR_RETURN(const auto checkpoints, reader.Checkpoints(job.id()));
  ASSIGN_OR_RETURN(const v1::Checkpoint* resume, ResumeCheckpoint(job, attempts, checkpoints));
  if (resume != nullptr) {
    attempt.set_resumed_from(CheckpointName(*resume));
    attempt.set_resumed_step(resume->step());
  }
  ASSIGN_OR_RETURN(*attempt.mutable_parent_checkpoint(), ParentCheckpoint(reader, job));
  return absl::OkStatus();
}

absl::StatusOr<bool> SoundCheckpointLeft(StoreReader& reader, const v1::Job& job,
                                         const std::vector<v1::Attempt>& attempts) {
  if (attempts.back().resumed_from().empty()) return false;  // the parent's is the corrupt one
  ASSIGN_OR_RETURN(const auto checkpoints, reader.Checkpoints(job.id()));
  return ResumeCheckpoint(job, attempts, checkpoints).ok();
}

std::string EventOf(v1::JobState state) {
  switch (state) {
    case v1::SUCCEEDED:
      return "succeeded";
    case v1::FAILED:
      return "failed";
    case v1::CANCELLED:
      return "cancelled";
    case v1::PAUSED:
      return "paused";
    default:
      return "attempt_ended";
  }
}

// A job that would wait for its next attempt waits in vain when a dependency was queued again and failed
// while it ran. Its number, 0 without one.
absl::StatusOr<int64_t> FailedDependency(StoreReader& reader, const v1::Job& job) {
  for (const int64_t dependency : job.dependencies()) {
    ASSIGN_OR_RETURN(const v1::Job parent, reader.GetJob(dependency));
    if (parent.state() == v1::FAILED || parent.state() == v1::CANCELLED) return dependency;
  }
  return 0;
}

absl::Status MoveJob(Mutation& mutation, v1::Job& job, const v1::Attempt& attempt, std::string actor) {
  AttemptHistory history{.first_backoff = mutation.retry_backoff};
  ASSIGN_OR_RETURN(history.attempts, mutation.store.ListAttempts(job.id()));
  if (attempt.reason() == v1::CHECKPOINT_CORRUPT) {
    ASSIGN_OR_RETURN(history.sound_checkpoint_left,
                     SoundCheckpointLeft(mutation.store, job, history.attempts));
  }
  Verdict verdict = JudgeAttempt(job, history, mutation.now);
  if (verdict.charged == RetryBudget::kUser) job.set_user_retries(job.user_retries() + 1);
  if (verdict.charged == RetryBudget::kInfrastructure) {
    job.set_infrastructure_retries(job.infrastructure_retries() + 1);
  }
  job.clear_not_before();
  if (verdict.not_before) *job.mutable_not_before() = ToProtoTime(*verdict.not_before);
  RETURN_IF_ERROR(TransitionJob(mutation, job,
                                {.to = verdict.state,
                                 .event = EventOf(verdict.state),
                                 .actor = std::move(actor),
                                 .reason = verdict.reason,
                                 .message = std::move(verdict.message),
                                 .attempt = attempt.number()}));
  if (job.state() == v1::FAILED || job.state() == v1::CANCELLED) return CancelDependents(mutation, job);
  if (job.state() == v1::SUCCEEDED) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t failed, FailedDependency(mutation.store, job));
  if (failed == 0) return absl::OkStatus();
  return CancelForDependency(mutation, job, absl::StrCat("job/", failed, " has failed or was cancelled"));
}

}  // namespace

absl::Status LeaseJob(Mutation& mutation, const LeaseDecision& decision) {
  StoreTransaction& store = mutation.store;
  ASSIGN_OR_RETURN(v1::Job job, store.GetJob(decision.job_id));
  if (decision.replaces_lost && job.state() == v1::RUNNING) RETURN_IF_ERROR(GiveUpLostAttempt(mutation, job));
  ASSIGN_OR_RETURN(const bool possible, StillPossible(store, job, decision));
  if (!possible) return absl::OkStatus();

  v1::Attempt attempt;
  attempt.set_job_id(job.id());
  attempt.set_number(job.attempts() + 1);
  attempt.set_state(v1::LEASED);
  attempt.set_worker(decision.worker);
  attempt.mutable_devices()->Add(decision.devices.begin(), decision.devices.end());
  *attempt.mutable_leased() = ToProtoTime(mutation.now);
  const absl::Status chosen = ChooseCheckpoints(store, job, attempt);
  if (absl::IsNotFound(chosen)) return CancelForDependency(mutation, job, std::string(chosen.message()));
  RETURN_IF_ERROR(chosen);
  const absl::Status inserted = store.InsertAttempt(attempt);
  if (absl::IsFailedPrecondition(inserted)) return absl::OkStatus();  // a device was taken meanwhile
  RETURN_IF_ERROR(inserted);

  job.set_attempts(attempt.number());
  job.set_worker(attempt.worker());
  job.clear_progress();
  mutation.effects.workers.insert(attempt.worker());
  mutation.effects.observations.push_back([job, waited = mutation.now - FromProtoTime(job.submitted())](
                                              Observer& observer) { observer.OnAttemptLeased(job, waited); });
  return TransitionJob(mutation, job,
                       {.to = v1::RUNNING,
                        .event = "leased",
                        .actor = kScheduler,
                        .message = absl::StrCat("worker ", attempt.worker()),
                        .attempt = attempt.number()});
}

absl::Status EndAttempt(Mutation& mutation, v1::Job& job, v1::Attempt& attempt,
                        const AttemptOutcome& outcome) {
  attempt.set_state(v1::ENDED);
  attempt.set_reason(SettledReason(outcome.reason, job.stop_requested()));
  if (!outcome.message.empty()) attempt.set_message(outcome.message);
  *attempt.mutable_ended() = ToProtoTime(mutation.now);
  attempt.set_last_step(outcome.step);
  NoteHeard(job, attempt);
  RETURN_IF_ERROR(mutation.store.UpdateAttempt(attempt));
  if (attempt.has_started()) {
    const absl::Duration ran = mutation.now - FromProtoTime(attempt.started());
    *job.mutable_run_time() =
        ToProtoDuration(FromProtoDuration(job.run_time()) + std::max(ran, absl::ZeroDuration()));
  }
  mutation.effects.workers.insert(attempt.worker());
  mutation.effects.observations.push_back([kind = job.kind(), reason = attempt.reason()](Observer& observer) {
    observer.OnAttemptEnded(kind, reason);
  });
  RETURN_IF_ERROR(CordonIfFailing(mutation, attempt));
  return MoveJob(mutation, job, attempt, outcome.actor);
}

void NoteUnreachable(v1::Job& job, v1::Attempt& attempt, absl::Time since) {
  *attempt.mutable_unreachable_since() = ToProtoTime(since);
  *job.mutable_unreachable_since() = attempt.unreachable_since();
}

void NoteHeard(v1::Job& job, v1::Attempt& attempt) {
  attempt.clear_unreachable_since();
  job.clear_unreachable_since();
}

absl::Status CancelDependents(Mutation& mutation, const v1::Job& job) {
  std::deque<v1::Job> ended = {job};
  while (!ended.empty()) {
    const v1::Job parent = std::move(ended.front());
    ended.pop_front();
    ASSIGN_OR_RETURN(const std::vector<int64_t> dependents, mutation.store.WaitingDependents(parent.id()));
    for (const int64_t id : dependents) {
      ASSIGN_OR_RETURN(v1::Job child, mutation.store.GetJob(id));
      if (child.state() != v1::QUEUED && child.state() != v1::PAUSED) continue;
      RETURN_IF_ERROR(TransitionJob(
          mutation, child,
          {.to = v1::CANCELLED,
           .event = "cancelled",
           .actor = "coordinator",
           .reason = v1::DEPENDENCY_FAILED,
           .message = absl::StrCat("job/", parent.id(), " is ", v1::JobState_Name(parent.state()))}));
      ended.push_back(std::move(child));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Attempt> CurrentAttempt(StoreReader& reader, const v1::AttemptRef& ref) {
  const std::string name = absl::StrCat(ref.job_id(), ".", ref.attempt());
  absl::StatusOr<v1::Attempt> attempt = reader.GetAttempt(ref.job_id(), ref.attempt());
  if (absl::IsNotFound(attempt.status())) {
    return WithErrorInfo(
        absl::AbortedError(absl::StrCat("attempt ", name, " is not known here; keep its directory")),
        "UNKNOWN_ATTEMPT", {{"attempt", name}});
  }
  RETURN_IF_ERROR(attempt.status());
  if (attempt->token() != ref.token() || attempt->state() == v1::ENDED) {
    return WithErrorInfo(absl::AbortedError(absl::StrCat("token ", ref.token(), " of attempt ", name,
                                                         " is not valid (any more)")),
                         "STALE_TOKEN", {{"attempt", name}});
  }
  return attempt;
}

}  // namespace ecgtrain
