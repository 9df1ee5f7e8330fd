// ecgctl job cancel, pause, resume, requeue.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/job_view.h"
#include "client/cli/references.h"
#include "client/cli/session.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

using Change = std::function<absl::StatusOr<v1::Job>(TrainingClient&, const std::string& job)>;

// Makes a change on each job and prints the new states.
absl::StatusOr<ExitCode> ChangeJobs(Session& session, const Arguments& arguments, const Change& change) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  v1::ListJobsResponse changed;
  const absl::StatusOr<ExitCode> code =
      ForEachJob(session, arguments.All("JOB"), [&](const std::string& job) -> absl::Status {
        ASSIGN_OR_RETURN(*changed.add_jobs(), change(*client, job));
        return absl::OkStatus();
      });
  // A place that a failed change left empty.
  auto& jobs = *changed.mutable_jobs();
  jobs.erase(std::remove_if(jobs.begin(), jobs.end(), [](const v1::Job& job) { return job.id() == 0; }),
             jobs.end());
  if (!jobs.empty()) session.output().Print(changed, jobs, JobTable(jobs, session.clock().Now()));
  return code;
}

absl::StatusOr<ExitCode> Cancel(Session& session, const Arguments& arguments) {
  return ChangeJobs(session, arguments,
                    [now = arguments.Has("--now")](TrainingClient& client, const std::string& job) {
                      return client.CancelJob(job, now);
                    });
}

absl::StatusOr<ExitCode> Pause(Session& session, const Arguments& arguments) {
  return ChangeJobs(session, arguments,
                    [](TrainingClient& client, const std::string& job) { return client.PauseJob(job); });
}

absl::StatusOr<ExitCode> Resume(Session& session, const Arguments& arguments) {
  return ChangeJobs(session, arguments,
                    [](TrainingClient& client, const std::string& job) { return client.ResumeJob(job); });
}

absl::StatusOr<ExitCode> Requeue(Session& session, const Arguments& arguments) {
  return ChangeJobs(session, arguments,
                    [from = arguments.Get("--from")](TrainingClient& client, const std::string& job) {
                      return client.RequeueJob(job, from);
                    });
}

}  // namespace

std::vector<Command> JobChangeCommands() {
  const Option jobs = {"JOB", OptionKind::kTexts, "job/42, 42, a name or @last", {}, true};
  const Option now = {"--now", OptionKind::kFlag, "kill the trainer at once, without a last checkpoint"};
  const Option from = {"--from", OptionKind::kText, "best, last (default), step:N or scratch"};
  return {{"job cancel", "end jobs; running ones save a checkpoint first", {jobs, now}, Cancel, "kill"},
          {"job pause", "stop jobs at a checkpoint until they are resumed", {jobs}, Pause},
          {"job resume", "queue paused jobs again", {jobs}, Resume},
          {"job requeue", "run ended jobs again, from a checkpoint", {jobs, from}, Requeue}};
}

}  // namespace ecgtrain
