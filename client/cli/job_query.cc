// ecgctl job list, get, explain, events.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/command.h"
#include "client/cli/job_view.h"
#include "client/cli/references.h"
#include "client/cli/session.h"
#include "client/cli/text.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "common/units.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kDefaultLimit = 100;
constexpr absl::Duration kDefaultSince = absl::Hours(7 * 24);

absl::Status AddStates(const std::string& list, v1::ListJobsRequest& request) {
  static const auto& known =
      *new std::vector<std::string>{"queued", "running", "paused", "succeeded", "failed", "cancelled"};
  for (const absl::string_view part : absl::StrSplit(list, ',')) {
    const std::string name = absl::AsciiStrToLower(part);
    v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
    if (std::find(known.begin(), known.end(), name) == known.end() ||
        !v1::JobState_Parse(absl::AsciiStrToUpper(part), &state)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--state: \"", part, "\" is no state", DidYouMean(name, known)));
    }
    request.add_states(state);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ListJobsRequest> ListRequest(const Arguments& arguments, absl::Time now) {
  v1::ListJobsRequest request;
  request.set_user(arguments.Get("--user"));
  request.set_mine(arguments.Has("--me"));
  if (arguments.Has("--state")) RETURN_IF_ERROR(AddStates(arguments.Get("--state"), request));
  for (const std::string& label : arguments.All("--label")) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(label, absl::MaxSplits('=', 1));
    if (parts.first.empty() || parts.first.size() == label.size()) {
      return absl::InvalidArgumentError(absl::StrCat("--label ", label, " is not KEY=VALUE"));
    }
    (*request.mutable_labels())[parts.first] = parts.second;
  }
  if (!arguments.Has("--all")) {
    *request.mutable_submitted_after() =
        ToTimestamp(now - arguments.Duration("--since").value_or(kDefaultSince));
  }
  return request;
}

absl::StatusOr<ExitCode> PrintList(Session& session, const Arguments& arguments,
                                   const v1::ListJobsRequest& request) {
  const absl::Time now = session.clock().Now();
  const uint64_t everything = std::numeric_limits<uint64_t>::max();
  const uint64_t limit =
      arguments.Integer("--limit").value_or(arguments.Has("--all") ? everything : kDefaultLimit);
  if (limit == 0) return absl::InvalidArgumentError("--limit must be at least 1");
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(v1::ListJobsResponse response, client->ListJobs(request, limit));
  const bool more = !response.next_page_token().empty();
  response.clear_next_page_token();
  session.output().Print(response, response.jobs(), JobTable(response.jobs(), now));
  if (more)
    session.Talk(
        absl::StrCat("the newest ", response.jobs_size(), " of more; --limit N or --all shows more"));
  if (response.jobs().empty() && !arguments.Has("--all") && session.output().for_people()) {
    session.Talk("no such jobs in the last days; ecgctl job list --all shows older ones");
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> ListJobs(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const v1::ListJobsRequest request, ListRequest(arguments, session.clock().Now()));
  return PrintList(session, arguments, request);
}

absl::StatusOr<ExitCode> ListMine(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(v1::ListJobsRequest request, ListRequest(arguments, session.clock().Now()));
  request.set_mine(request.user().empty());
  return PrintList(session, arguments, request);
}

absl::StatusOr<ExitCode> Get(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  return ForEachJob(session, arguments.All("JOB"), [&](const std::string& job) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::GetJobResponse response, client->GetJob(job));
    Output& output = session.output();
    if (output.for_people() && !output.quiet()) {
      const absl::Time now = session.clock().Now();
      output.Write(RenderTable(JobDetails(response.job(), now), /*wide=*/true, /*headers=*/false));
      if (!response.attempts().empty()) {
        output.Write(RenderTable(AttemptTable(response.attempts(), now),
                                 output.format() == OutputFormat::kWide,
                                 /*headers=*/true));
      }
      return absl::OkStatus();
    }
    RepeatedPtrField<v1::Job> one;
    *one.Add() = response.job();
    output.Print(response, std::vector<v1::GetJobResponse>{response}, JobTable(one, session.clock().Now()));
    return absl::OkStatus();
  });
}

// Why the job is where it is, and what one can do about it.
std::string Explanation(const v1::Job& job) {
  const std::string reference = JobReferenceText(job);
  const std::string why = WhyText(job);
  switch (job.state()) {
    case v1::QUEUED: {
      const std::string place = job.pending().position() > 0
                                    ? absl::StrCat(" (place ", job.pending().position(), " in the queue)")
                                    : "";
      return absl::StrCat(reference, " is QUEUED", place, ": ",
                          why.empty() ? "it is about to be started" : why);
    }
    case v1::RUNNING:
      return absl::StrCat(reference, " is ", StateText(job), " on ", job.worker(), ": ", ProgressText(job));
    case v1::PAUSED:
      return absl::StrCat(reference, " is PAUSED; ecgctl job resume ", job.id());
    case v1::FAILED:
      return absl::StrCat(reference, " is FAILED: ", why, "; ecgctl job logs ", job.id(),
                          "; ecgctl job requeue ", job.id());
    case v1::CANCELLED:
      return absl::StrCat(reference, " is CANCELLED: ", why, "; ecgctl job requeue ", job.id());
    default:
      return absl::StrCat(reference, " is ", StateText(job), "; ecgctl checkpoint list ", job.id());
  }
}

absl::StatusOr<ExitCode> Explain(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  return ForEachJob(session, arguments.All("JOB"), [&](const std::string& job) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::GetJobResponse response, client->GetJob(job));
    if (session.output().for_people()) {
      session.output().Write(absl::StrCat(EscapeControl(Explanation(response.job())), "\n"));
    } else {
      RepeatedPtrField<v1::Job> one;
      *one.Add() = response.job();
      session.output().Print(response.job(), one, JobTable(one, session.clock().Now()));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<ExitCode> Events(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string job, JobArgument(arguments.Get("JOB")));
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  v1::WatchJobRequest request;
  request.set_job(job);
  RepeatedPtrField<v1::JobEvent> log;
  // The events there are come first; the first snapshot says that they are through.
  RETURN_IF_ERROR(client->WatchJob(request, [&log](const v1::WatchJobResponse& response) {
    if (!response.has_event()) return Next::kStop;
    *log.Add() = response.event();
    return Next::kMore;
  }));
  const Table table = EventTable(log, session.clock().Now());
  if (session.output().format() != OutputFormat::kJson) {
    session.output().Print(request, log, table);
    return ExitCode::kDone;
  }
  // The API has no message for a list of events.
  std::vector<std::string> items;
  for (const v1::JobEvent& event : log)
    items.push_back(std::string(absl::StripSuffix(RenderJson(event, /*one_line=*/true), "\n")));
  session.output().Write(absl::StrCat("[", absl::StrJoin(items, ",\n "), "]\n"));
  return ExitCode::kDone;
}

}  // namespace

std::vector<Command> JobQueryCommands() {
  const Option jobs = {"JOB", OptionKind::kTexts, "job/42, 42, a name or @last", {}, true};
  const Option one = {"JOB", OptionKind::kText, "job/42, 42, a name or @last", {}, true};
  const std::vector<Option> filters = {
      {"--me", OptionKind::kFlag, "my jobs"},
      {"--user", OptionKind::kText, "jobs of this user"},
      {"--state", OptionKind::kText, "queued,running,paused,succeeded,failed,cancelled"},
      {"--label", OptionKind::kTexts, "KEY=VALUE"},
      {"--since", OptionKind::kDuration, "submitted in this time (7d)"},
      {"--limit", OptionKind::kInteger, "at most so many, the newest (100)"},
      {"--all", OptionKind::kFlag, "of all times, without limit"},
  };
  return {{"job list", "list jobs, newest first", filters, ListJobs},
          {"ps", "list my jobs: job list --me", filters, ListMine},
          {"job get", "show jobs with their attempts", {jobs}, Get},
          {"job explain", "say why jobs wait, or how they ended", {jobs}, Explain},
          {"job events", "everything that happened to a job", {one}, Events}};
}

}  // namespace ecgtrain
