#include "client/cli/submission.h"

#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/following.h"
#include "client/cli/job_view.h"
#include "client/cli/references.h"
#include "common/status_macros.h"
#include "spec/spec_parser.h"

namespace ecgtrain {

const std::vector<Option>& SpecOptions() {
  static const auto& options = *new std::vector<Option>{
      {"--set", OptionKind::kTexts, "KEY=VALUE: sets one field, as in model.preset=tiny"},
      {"--name", OptionKind::kText, "name of the job"},
      {"--priority", OptionKind::kText, "place in the queue", {"low", "normal", "high"}},
      {"--after", OptionKind::kTexts, "job that must succeed first: job/12, a name or @last"},
  };
  return options;
}

std::vector<Option> SubmitOptions() {
  std::vector<Option> options = SpecOptions();
  const Option rest[] = {
      {"--hold", OptionKind::kFlag, "submit, then leave PAUSED"},
      {"--follow", OptionKind::kFlag, "show progress until the end; the exit code is the job's"},
      {"--wait", OptionKind::kFlag, "wait for the end; the exit code is the job's"},
      {"--max-wait", OptionKind::kDuration,
       "with --follow or --wait: exit 7 after this time, the job goes on"},
      {"--request-id", OptionKind::kText, "the same id and content again give the same job (a UUID)"},
  };
  options.insert(options.end(), std::begin(rest), std::end(rest));
  return options;
}

absl::Status CheckSubmitOptions(const Arguments& arguments) {
  if (arguments.Has("--follow") && arguments.Has("--wait")) {
    return absl::InvalidArgumentError("--follow and --wait exclude one another; --follow waits, too");
  }
  if (arguments.Has("--max-wait") && !arguments.Has("--follow") && !arguments.Has("--wait")) {
    return absl::InvalidArgumentError("--max-wait needs --follow or --wait");
  }
  return absl::OkStatus();
}

absl::Status ApplySubmitOptions(Session& session, const Arguments& arguments,
                                std::vector<v1::JobSpec>& specs) {
  if (arguments.Has("--name") && specs.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("--name is for one job; the file holds ", specs.size()));
  }
  std::vector<std::string> after;
  for (const std::string& job : arguments.All("--after")) {
    ASSIGN_OR_RETURN(after.emplace_back(), NumberedJob(session, job), WithContext(_, "--after"));
  }
  for (v1::JobSpec& spec : specs) {
    for (const std::string& setting : arguments.All("--set")) {
      RETURN_IF_ERROR(WithContext(ApplySetting(spec, setting), absl::StrCat("--set ", setting)));
    }
    if (arguments.Has("--name")) spec.set_name(arguments.Get("--name"));
    if (arguments.Has("--priority")) spec.set_priority(arguments.Get("--priority"));
    for (const std::string& job : after) spec.add_after(job);
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> SubmitAndFollow(Session& session, const Arguments& arguments,
                                         std::vector<v1::JobSpec> specs) {
  v1::SubmitJobsRequest request;
  for (v1::JobSpec& spec : specs) *request.add_specs() = std::move(spec);
  request.set_hold(arguments.Has("--hold"));
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::SubmitJobsResponse response, client->SubmitJobs(std::move(request)));
  session.output().Print(response, response.jobs(), JobTable(response.jobs(), session.clock().Now()));
  if (!arguments.Has("--follow") && !arguments.Has("--wait")) {
    if (session.output().for_people() && !response.jobs().empty()) {
      session.Talk(absl::StrCat("follow it: ecgctl job watch ", response.jobs(0).id()));
    }
    return ExitCode::kDone;
  }
  std::vector<std::string> jobs;
  for (const v1::Job& job : response.jobs()) jobs.push_back(absl::StrCat(job.id()));
  const absl::Duration max_wait = arguments.Duration("--max-wait").value_or(absl::InfiniteDuration());
  return FollowJobs(session, jobs, arguments.Has("--follow") ? FollowStyle::kProgress : FollowStyle::kSilent,
                    max_wait);
}

}  // namespace ecgtrain
