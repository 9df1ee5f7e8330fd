#include "client/cli/following.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_board.h"
#include "client/cli/job_view.h"
#include "client/cli/progress.h"
#include "client/cli/text.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

// Shows what a watch stream says.
class WatchView {
 public:
  WatchView(Session& session, FollowStyle style)
      : session_(session),
        style_(style),
        lines_(session.out(), session.terminal()),
        plain_(session.clock()) {}

  void Take(const v1::WatchJobResponse& response) {
    if (response.has_snapshot()) job_ = response.snapshot();
    if (response.has_event()) job_.set_state(response.event().state());
    if (style_ == FollowStyle::kSilent) return TellPause(response);
    if (!session_.output().for_people())
      return session_.output().Write(RenderJson(response, /*one_line=*/true));
    if (response.has_event()) ShowEvent(response.event());
    if (response.has_snapshot()) ShowSnapshot();
  }

  void Close() { lines_.Clear(); }

  // As last heard of.
  const v1::Job& job() const { return job_; }

 private:
  void ShowEvent(const v1::JobEvent& event) {
    // The snapshot shows phases and progress.
    if (event.type() == "phase") return;
    std::string line = absl::StrCat(Rfc3339(event.time()), " job/", event.job_id());
    if (event.attempt() != 0) absl::StrAppend(&line, ".", event.attempt());
    absl::StrAppend(&line, " ", event.type());
    if (event.reason() != v1::END_REASON_UNSPECIFIED)
      absl::StrAppend(&line, " ", v1::EndReason_Name(event.reason()));
    if (!event.message().empty()) absl::StrAppend(&line, ": ", event.message());
    lines_.PrintAbove(EscapeControl(line));
  }

  void ShowSnapshot() {
    if (lines_.live()) return lines_.Show({ProgressLine(job_, /*bar=*/true)});
    if (plain_.IsDue(job_)) lines_.PrintAbove(ProgressLine(job_, /*bar=*/false));
  }

  // A wait goes on through a pause, but whoever waits should know.
  void TellPause(const v1::WatchJobResponse& response) {
    if (!response.has_event() || response.event().type() != "paused") return;
    session_.Talk(absl::StrCat("job/", response.event().job_id(),
                               " is PAUSED; still waiting; ecgctl job resume ", response.event().job_id()));
  }

  Session& session_;
  FollowStyle style_;
  LiveLines lines_;
  PlainProgress plain_;
  v1::Job job_;
};

void TellDetached(Session& session, const v1::Job& job) {
  const std::string state =
      job.state() == v1::JOB_STATE_UNSPECIFIED ? "left as it is" : v1::JobState_Name(job.state());
  session.Talk(
      absl::StrCat("detached; ", JobReferenceText(job), " is ", state, "; ecgctl job watch ", job.id()));
}

void TellEnd(Session& session, const v1::Job& job) {
  const std::string why = WhyText(job);
  session.Talk(absl::StrCat(JobReferenceText(job), " ", v1::JobState_Name(job.state()),
                            why.empty() ? "" : " ", why,
                            job.state() == v1::FAILED ? absl::StrCat("; ecgctl job logs ", job.id()) : ""));
}

absl::StatusOr<ExitCode> Conclude(Session& session, const absl::Status& status, const v1::Job& job) {
  if (absl::IsCancelled(status)) {
    TellDetached(session, job);
    return ExitCode::kInterrupted;
  }
  if (absl::IsDeadlineExceeded(status)) {
    session.Talk(absl::StrCat("the time to wait is over; ", JobReferenceText(job), " is ",
                              v1::JobState_Name(job.state()), "; ecgctl job wait ", job.id()));
    return ExitCode::kWaitOver;
  }
  RETURN_IF_ERROR(status);
  TellEnd(session, job);
  return ExitCodeOf(job.state());
}

// On a terminal: all at once. A scale that asking once a second bears.
constexpr size_t kMaxBoardJobs = 20;

absl::StatusOr<ExitCode> FollowOnBoard(Session& session, const std::vector<std::string>& jobs,
                                       absl::Duration max_wait) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  const absl::StatusOr<std::vector<v1::Job>> states =
      ShowJobsUntilEnded(session, *client, jobs, {.max_wait = max_wait});
  if (absl::IsCancelled(states.status())) {
    session.Talk(absl::StrCat("detached; the jobs go on; ecgctl job wait ", absl::StrJoin(jobs, " ")));
    return ExitCode::kInterrupted;
  }
  if (absl::IsDeadlineExceeded(states.status())) return ExitCode::kWaitOver;
  RETURN_IF_ERROR(states.status());
  for (const v1::Job& job : *states) {
    if (ExitCodeOf(job.state()) != ExitCode::kDone) return ExitCodeOf(job.state());
  }
  return ExitCode::kDone;
}

}  // namespace

absl::StatusOr<ExitCode> FollowJob(Session& session, const std::string& job, FollowStyle style,
                                   absl::Duration max_wait) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  // A name or @last could mean another job by the time a stream is opened again.
  ASSIGN_OR_RETURN(const v1::GetJobResponse found, client->GetJob(job));
  v1::WatchJobRequest request;
  request.set_job(absl::StrCat(found.job().id()));
  request.set_until_ended(true);
  WatchView view(session, style);
  v1::WatchJobResponse first;
  *first.mutable_snapshot() = found.job();
  first.mutable_snapshot()->clear_spec();
  if (HasEnded(found.job().state())) return Conclude(session, absl::OkStatus(), found.job());
  view.Take(first);
  const absl::Status status = client->WatchJob(
      request,
      [&view](const v1::WatchJobResponse& response) {
        view.Take(response);
        return Next::kMore;
      },
      max_wait);
  view.Close();
  return Conclude(session, status, view.job());
}

absl::StatusOr<ExitCode> FollowJobs(Session& session, const std::vector<std::string>& jobs, FollowStyle style,
                                    absl::Duration max_wait) {
  if (style == FollowStyle::kProgress && jobs.size() > 1 && jobs.size() <= kMaxBoardJobs &&
      session.output().for_people()) {
    return FollowOnBoard(session, jobs, max_wait);
  }
  const absl::Duration deadline = session.clock().Monotonic() + max_wait;
  ExitCode first = ExitCode::kDone;
  for (const std::string& job : jobs) {
    ASSIGN_OR_RETURN(const ExitCode code,
                     FollowJob(session, job, style, deadline - session.clock().Monotonic()));
    if (code == ExitCode::kWaitOver || code == ExitCode::kInterrupted) return code;
    if (first == ExitCode::kDone) first = code;
  }
  return first;
}

}  // namespace ecgtrain
