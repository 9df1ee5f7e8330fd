// ecgctl job watch, wait, logs, metrics.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/following.h"
#include "client/cli/job_view.h"
#include "client/cli/log_follower.h"
#include "client/cli/references.h"
#include "client/cli/session.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

absl::StatusOr<std::vector<std::string>> JobArguments(const Arguments& arguments) {
  std::vector<std::string> jobs;
  for (const std::string& text : arguments.All("JOB")) {
    ASSIGN_OR_RETURN(jobs.emplace_back(), JobArgument(text));
  }
  return jobs;
}

absl::StatusOr<ExitCode> Follow(Session& session, const Arguments& arguments, FollowStyle style) {
  ASSIGN_OR_RETURN(const std::vector<std::string> jobs, JobArguments(arguments));
  const absl::Duration max_wait = arguments.Duration("--max-wait").value_or(absl::InfiniteDuration());
  return FollowJobs(session, jobs, style, max_wait);
}

absl::StatusOr<ExitCode> Watch(Session& session, const Arguments& arguments) {
  return Follow(session, arguments, FollowStyle::kProgress);
}

absl::StatusOr<ExitCode> Wait(Session& session, const Arguments& arguments) {
  return Follow(session, arguments, FollowStyle::kSilent);
}

absl::StatusOr<ExitCode> Logs(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string job, JobArgument(arguments.Get("JOB")));
  LogOptions options;
  options.follow = arguments.Has("--follow");
  options.attempt = static_cast<uint32_t>(arguments.Integer("--attempt").value_or(0));
  options.tail_lines = arguments.Integer("--tail");
  return ShowLogs(session, job, options);
}

absl::StatusOr<ExitCode> Metrics(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string job, JobArgument(arguments.Get("JOB")));
  const bool watch = arguments.Has("--watch");
  Output& output = session.output();
  if (watch && output.format() == OutputFormat::kJson) {
    return absl::InvalidArgumentError("-w prints points as they come: -o table, csv or jsonl");
  }
  v1::ReadMetricsRequest request;
  request.set_job(job);
  request.set_names(arguments.Get("--names"));
  request.set_all_attempts(arguments.Has("--all-attempts"));
  request.set_follow(watch);
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  v1::ReadMetricsResponse all;
  const absl::Status status = client->ReadMetrics(request, [&](const v1::ReadMetricsResponse& part) {
    if (watch && !part.points().empty()) output.Print(part, part.points(), MetricTable(part.points()));
    if (!watch) all.mutable_points()->MergeFrom(part.points());
    return Next::kMore;
  });
  if (watch && absl::IsCancelled(status)) {
    session.Talk(absl::StrCat("detached; ecgctl job metrics -w ", job));
    return ExitCode::kInterrupted;
  }
  RETURN_IF_ERROR(status);
  if (!watch) output.Print(all, all.points(), MetricTable(all.points()));
  return ExitCode::kDone;
}

}  // namespace

std::vector<Command> JobFollowCommands() {
  const Option jobs = {"JOB", OptionKind::kTexts, "job/42, 42, a name or @last", {}, true};
  const Option one = {"JOB", OptionKind::kText, "job/42, 42, a name or @last", {}, true};
  const Option max_wait = {"--max-wait", OptionKind::kDuration, "exit 7 after this time, the job goes on"};
  const std::vector<Option> logs = {
      one,
      {"-f,--follow", OptionKind::kFlag, "go on until the job has ended"},
      {"--tail", OptionKind::kInteger, "begin with the last N lines"},
      {"--attempt", OptionKind::kInteger, "of this attempt (the last)"},
  };
  const std::vector<Option> metrics = {
      one,
      {"-w,--watch", OptionKind::kFlag, "go on until the job has ended"},
      {"--names", OptionKind::kText, "regular expression that a whole name must match"},
      {"--all-attempts", OptionKind::kFlag, "also points that a later attempt has superseded"},
  };
  return {{"job watch",
           "show progress until the end; the exit code is the job's",
           {jobs, max_wait},
           Watch,
           "top"},
          {"job wait", "wait for the end; the exit code is the job's", {jobs, max_wait}, Wait},
          {"job logs", "print the trainer's log", logs, Logs, "logs"},
          {"job metrics", "print losses and scores", metrics, Metrics}};
}

}  // namespace ecgtrain
