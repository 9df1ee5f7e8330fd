// ecgctl job submit, job validate.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/submission.h"
#include "common/status_macros.h"
#include "spec/spec_json.h"
#include "spec/spec_parser.h"

namespace ecgtrain {
namespace {

absl::StatusOr<std::vector<v1::JobSpec>> ReadSpecs(Session& session, const Arguments& arguments) {
  const std::string path = arguments.Get("--file");
  ASSIGN_OR_RETURN(const std::string text, session.ReadInput(path, kMaxBatchBytes));
  ASSIGN_OR_RETURN(std::vector<v1::JobSpec> specs, ParseSpecs(text, path == "-" ? "standard input" : path));
  RETURN_IF_ERROR(ApplySubmitOptions(session, arguments, specs));
  return specs;
}

absl::StatusOr<ExitCode> Submit(Session& session, const Arguments& arguments) {
  RETURN_IF_ERROR(CheckSubmitOptions(arguments));
  ASSIGN_OR_RETURN(std::vector<v1::JobSpec> specs, ReadSpecs(session, arguments));
  return SubmitAndFollow(session, arguments, std::move(specs));
}

void PrintResolved(Session& session, const v1::ValidateJobsResponse& response) {
  for (int i = 0; i < response.resolved_size(); ++i) {
    if (i < response.placement_size() && !response.placement(i).empty()) {
      session.output().Write(absl::StrCat("# ", response.placement(i), "\n"));
    }
    session.output().Write(absl::StrCat(i > 0 ? "---\n" : "", SpecToYaml(response.resolved(i))));
  }
}

absl::StatusOr<ExitCode> Validate(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(std::vector<v1::JobSpec> specs, ReadSpecs(session, arguments));
  v1::ValidateJobsRequest request;
  request.mutable_specs()->Add(specs.begin(), specs.end());
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::ValidateJobsResponse response, client->ValidateJobs(request));
  if (session.output().for_people()) {
    if (!session.output().quiet()) PrintResolved(session, response);
  } else {
    session.output().Write(RenderJson(response, session.output().format() == OutputFormat::kJsonLines));
  }
  for (const v1::SpecProblem& problem : response.problems()) {
    session.Complain(absl::StrCat(arguments.Get("--file"), ": specs[", problem.index(), "].", problem.field(),
                                  ": ", problem.description()));
  }
  return response.problems().empty() ? ExitCode::kDone : ExitCode::kUsage;
}

}  // namespace

std::vector<Command> SubmitCommands() {
  const Option file = {
      "-f,--file", OptionKind::kText, "specification, YAML or JSON; - for standard input", {}, true};
  std::vector<Option> submit = SubmitOptions();
  submit.insert(submit.begin(), file);
  std::vector<Option> validate = SpecOptions();
  validate.insert(validate.begin(), file);
  return {{"job submit", "queue the job, or the batch of jobs, of a file", submit, Submit, "submit"},
          {"job validate", "show what submit would do: resolved specification, problems, placement", validate,
           Validate}};
}

}  // namespace ecgtrain
