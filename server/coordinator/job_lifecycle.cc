#include "server/coordinator/job_lifecycle.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "server/coordinator/proto_time.h"

namespace ecgtrain {
namespace {

absl::string_view AllowedVerbs(v1::JobState state) {
  switch (state) {
    case v1::QUEUED:
    case v1::RUNNING:
      return "cancel and pause are";
    case v1::PAUSED:
      return "resume and cancel are";
    default:
      return "only requeue is";
  }
}

void ApplyToRow(v1::Job& job, const Change& change, absl::Time now) {
  job.set_state(change.to);
  job.set_reason(change.reason);
  job.set_message(change.message);
  if (change.to == v1::RUNNING) {
    if (!job.has_started()) *job.mutable_started() = ToProtoTime(now);
    job.clear_not_before();
  } else {
    job.set_stop_requested(v1::STOP_NONE);
    job.set_stop_now(false);
    job.clear_worker();
    job.clear_unreachable_since();
  }
  if (IsEnded(change.to)) {
    *job.mutable_ended() = ToProtoTime(now);
    job.clear_not_before();
  } else {
    job.clear_ended();
  }
}

}  // namespace

absl::Status CheckInvariants(StoreReader& reader, int64_t job_id) {
  ASSIGN_OR_RETURN(const v1::Job job, reader.GetJob(job_id));
  ASSIGN_OR_RETURN(const std::vector<v1::Attempt> attempts, reader.ListAttempts(job_id));
  const auto broken = [&job](absl::string_view what) {
    return absl::InternalError(absl::StrCat("invariant broken: job/", job.id(), " is ",
                                            v1::JobState_Name(job.state()), " and ", what));
  };
  if (attempts.size() != job.attempts()) return broken(absl::StrCat("has ", attempts.size(), " attempts"));
  int64_t token = 0;
  for (size_t i = 0; i < attempts.size(); ++i) {
    const v1::Attempt& attempt = attempts[i];
    if (attempt.number() != i + 1) return broken(absl::StrCat("has no attempt ", i + 1));
    if (attempt.token() <= token) return broken(absl::StrCat("attempt ", i + 1, " has an older token"));
    token = attempt.token();
    const bool lives = attempt.state() != v1::ENDED;
    const bool may_live = job.state() == v1::RUNNING && i + 1 == attempts.size();
    if (lives != may_live) return broken(absl::StrCat("attempt ", i + 1, lives ? " lives" : " has ended"));
    if (lives && attempt.worker() != job.worker()) return broken("names another worker than its attempt");
    if (lives && attempt.has_unreachable_since() != job.has_unreachable_since())
      return broken("its attempt disagrees on whether the worker is reachable");
  }
  if (job.state() == v1::RUNNING) return attempts.empty() ? broken("has no attempt") : absl::OkStatus();
  if (!job.worker().empty() || job.stop_requested() != v1::STOP_NONE) return broken("has a worker or a stop");
  return IsEnded(job.state()) == job.has_ended() ? absl::OkStatus() : broken("has a wrong time of its end");
}

bool IsEnded(v1::JobState state) {
  return state == v1::SUCCEEDED || state == v1::FAILED || state == v1::CANCELLED;
}

bool IsAllowedTransition(v1::JobState from, v1::JobState to) {
  switch (from) {
    case v1::JOB_STATE_UNSPECIFIED:
      return to == v1::QUEUED || to == v1::PAUSED;
    case v1::QUEUED:
      return to == v1::RUNNING || to == v1::PAUSED || to == v1::CANCELLED;
    case v1::RUNNING:
      return to == v1::QUEUED || to == v1::PAUSED || IsEnded(to);
    case v1::PAUSED:
      return to == v1::QUEUED || to == v1::CANCELLED;
    case v1::SUCCEEDED:
    case v1::FAILED:
    case v1::CANCELLED:
      return to == v1::QUEUED;
    default:
      return false;
  }
}

absl::Status WrongState(const v1::Job& job, absl::string_view wanted) {
  return WithErrorInfo(absl::FailedPreconditionError(absl::StrCat(
                           "job/", job.id(), " is ", v1::JobState_Name(job.state()), " and cannot be ",
                           wanted, "; ", AllowedVerbs(job.state()), " possible")),
                       "WRONG_STATE",
                       {{"job", absl::StrCat(job.id())}, {"state", v1::JobState_Name(job.state())}});
}

absl::Status TransitionJob(Mutation& mutation, v1::Job& job, const Change& change) {
  const v1::JobState from = job.state();
  if (!IsAllowedTransition(from, change.to)) {
    return WrongState(job, absl::StrCat("moved to ", v1::JobState_Name(change.to)));
  }
  ApplyToRow(job, change, mutation.now);
  if (from == v1::JOB_STATE_UNSPECIFIED) {
    RETURN_IF_ERROR(mutation.store.InsertJob(job));
  } else {
    RETURN_IF_ERROR(mutation.store.UpdateJob(job));
  }
  mutation.effects.plan = true;
  mutation.effects.observations.push_back(
      [from, to = change.to](Observer& observer) { observer.OnTransition(from, to); });
  if (IsEnded(change.to)) {
    v1::Job ended = job;
    ended.clear_spec();
    mutation.effects.observations.push_back(
        [ended = std::move(ended)](Observer& observer) { observer.OnJobEnded(ended); });
  }
  return RecordEvent(mutation, job, change);
}

absl::Status RecordEvent(Mutation& mutation, const v1::Job& job, const Change& change) {
  v1::JobEvent event;
  event.set_job_id(job.id());
  event.set_attempt(change.attempt);
  *event.mutable_time() = ToProtoTime(mutation.now);
  event.set_actor(change.actor);
  event.set_type(change.event);
  event.set_state(job.state());
  event.set_reason(change.reason);
  event.set_message(change.message);
  mutation.effects.jobs.insert(job.id());
  return mutation.store.AppendEvent(event);
}

}  // namespace ecgtrain
