#include "server/coordinator/attempt_reports.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/coordinator/attempt_lifecycle.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/proto_time.h"
#include "server/coordinator/replay.h"
#include "server/coordinator/trainer_events.h"

namespace ecgtrain {
namespace {

absl::Status CheckReport(const v1::ReportEventsRequest& request) {
  if (request.events_size() > kMostEventsInReport) {
    return absl::InvalidArgumentError(
        absl::StrCat("a report holds ", request.events_size(), " events; at most ", kMostEventsInReport));
  }
  for (const v1::TrainerEvent& event : request.events()) RETURN_IF_ERROR(CheckTrainerEvent(event));
  if (request.log_offset() + request.log().size() > kLargestLog) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the log of an attempt has at most ", kLargestLog, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status MarkStarted(Mutation& mutation, const v1::Job& job, v1::Attempt& attempt) {
  if (attempt.state() != v1::LEASED) return absl::OkStatus();
  attempt.set_state(v1::ATTEMPT_RUNNING);
  *attempt.mutable_started() = ToProtoTime(mutation.now);
  return RecordEvent(
      mutation, job,
      {.event = "started", .actor = absl::StrCat("worker/", attempt.worker()), .attempt = attempt.number()});
}

absl::Status ApplyEvents(Mutation& mutation, v1::Job& job, v1::Attempt& attempt,
                         const v1::ReportEventsRequest& request) {
  TrainerEventSink sink(mutation, job, attempt);
  for (const v1::TrainerEvent& event : request.events()) {
    if (event.seq() <= attempt.acknowledged_seq()) continue;
    if (event.seq() != attempt.acknowledged_seq() + 1) {
      return absl::OutOfRangeError(
          absl::StrCat("event ", event.seq(), " came; expected ", attempt.acknowledged_seq() + 1));
    }
    RETURN_IF_ERROR(sink.Apply(event));
    attempt.set_acknowledged_seq(event.seq());
  }
  return sink.Flush();
}

// Takes the first `taken` bytes of the report's log; what is left waits with the worker.
absl::Status ApplyLog(Mutation& mutation, v1::Attempt& attempt, const v1::ReportEventsRequest& request,
                      size_t taken) {
  const uint64_t known = attempt.acknowledged_log_offset();
  if (request.log().empty()) return absl::OkStatus();
  if (request.log_offset() > known) {
    return absl::OutOfRangeError(
        absl::StrCat("log bytes from ", request.log_offset(), " came; expected ", known));
  }
  const uint64_t overlap = known - request.log_offset();
  if (overlap >= taken) return absl::OkStatus();
  const absl::string_view fresh = absl::string_view(request.log()).substr(overlap, taken - overlap);
  RETURN_IF_ERROR(mutation.store.AppendLog(attempt.job_id(), attempt.number(), known, fresh));
  attempt.set_acknowledged_log_offset(known + fresh.size());
  return absl::OkStatus();
}

absl::StatusOr<v1::ReportEventsResponse> Apply(Mutation& mutation, const v1::ReportEventsRequest& request,
                                               size_t log_taken) {
  ASSIGN_OR_RETURN(v1::Attempt attempt, CurrentAttempt(mutation.store, request.attempt()));
  v1::ReportEventsResponse response;
  if (!request.events().empty() || !request.log().empty()) {
    ASSIGN_OR_RETURN(v1::Job job, mutation.store.GetJob(attempt.job_id()));
    RETURN_IF_ERROR(MarkStarted(mutation, job, attempt));
    RETURN_IF_ERROR(ApplyEvents(mutation, job, attempt, request));
    RETURN_IF_ERROR(ApplyLog(mutation, attempt, request, log_taken));
    NoteHeard(job, attempt);
    RETURN_IF_ERROR(mutation.store.UpdateAttempt(attempt));
    RETURN_IF_ERROR(mutation.store.UpdateJob(job));
    mutation.effects.jobs.insert(job.id());
  }
  response.set_acknowledged_seq(attempt.acknowledged_seq());
  response.set_acknowledged_log_offset(attempt.acknowledged_log_offset());
  return response;
}

// Reasons that only the coordinator gives, or that mean nothing.
absl::Status CheckFinish(const v1::FinishAttemptRequest& request) {
  if (request.message().size() > kLongestMessage) {
    return absl::InvalidArgumentError(absl::StrCat("message is over ", kLongestMessage, " bytes"));
  }
  const v1::EndReason reason = request.reason();
  if (v1::EndReason_IsValid(reason) && reason != v1::END_REASON_UNSPECIFIED && reason != v1::WORKER_LOST &&
      reason != v1::DEPENDENCY_FAILED) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("reason ", static_cast<int>(reason), " is not one that a worker can report"));
}

absl::StatusOr<v1::FinishAttemptResponse> Finish(Mutation& mutation,
                                                 const v1::FinishAttemptRequest& request) {
  ASSIGN_OR_RETURN(v1::Attempt attempt, CurrentAttempt(mutation.store, request.attempt()));
  ASSIGN_OR_RETURN(v1::Job job, mutation.store.GetJob(attempt.job_id()));
  std::string message = request.message();
  if (message.empty()) message = attempt.message();
  RETURN_IF_ERROR(EndAttempt(mutation, job, attempt,
                             {.reason = request.reason(),
                              .message = std::move(message),
                              .actor = absl::StrCat("worker/", attempt.worker()),
                              .step = request.step()}));
  v1::FinishAttemptResponse response;
  response.set_job_state(job.state());
  return response;
}

}  // namespace

void ReportEvents(MutationRunner& runner, const v1::ReportEventsRequest& request,
                  Reply<v1::ReportEventsResponse> reply) {
  if (absl::Status status = CheckReport(request); !status.ok()) return reply(std::move(status));
  // Once a call, not in the transaction, which may run again.
  const size_t log_taken = runner.admission().TakeLogBytes(request.attempt().token(), request.log().size());
  runner.RunFor<v1::ReportEventsResponse>(
      [request, log_taken](Mutation& mutation) { return Apply(mutation, request, log_taken); },
      std::move(reply));
}

void FinishAttempt(MutationRunner& runner, const v1::FinishAttemptRequest& request,
                   Reply<v1::FinishAttemptResponse> reply) {
  if (absl::Status status = CheckFinish(request); !status.ok()) return reply(std::move(status));
  // The token is one of a kind: kept as the request's id it makes the repetition exact, also where a
  // restarted worker words the end differently. No user's name has a slash.
  RequestKey key{"worker/", absl::StrCat(request.attempt().token()), "FinishAttempt"};
  v1::FinishAttemptRequest identity;
  *identity.mutable_attempt() = request.attempt();
  RunReplayable<v1::FinishAttemptRequest, v1::FinishAttemptResponse>(
      runner, std::move(key), identity, [request](Mutation& mutation) { return Finish(mutation, request); },
      std::move(reply));
}

}  // namespace ecgtrain
