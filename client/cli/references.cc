#include "client/cli/references.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "spec/reference.h"

namespace ecgtrain {
namespace {

absl::StatusOr<std::string> ByNumber(Session& session, JobReference reference) {
  if (reference.id == 0) {
    JobReference job = reference;
    job.selector.clear();
    ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
    ASSIGN_OR_RETURN(const v1::GetJobResponse found, client->GetJob(FormatReference(job)));
    reference.id = found.job().id();
    reference.newest = false;
  }
  return FormatReference(reference);
}

}  // namespace

absl::StatusOr<std::string> JobArgument(const std::string& text) {
  ASSIGN_OR_RETURN(const JobReference reference, ParseJobReference(text));
  return FormatReference(reference);
}

absl::StatusOr<std::string> NumberedJob(Session& session, const std::string& text) {
  ASSIGN_OR_RETURN(JobReference reference, ParseJobReference(text));
  return ByNumber(session, std::move(reference));
}

absl::StatusOr<std::string> NumberedCheckpoint(Session& session, const std::string& text) {
  ASSIGN_OR_RETURN(JobReference reference, ParseCheckpointReference(text));
  return ByNumber(session, std::move(reference));
}

absl::StatusOr<ExitCode> ForEachJob(Session& session, const std::vector<std::string>& references,
                                    const std::function<absl::Status(const std::string& job)>& action) {
  std::vector<std::string> jobs;
  for (const std::string& reference : references) {
    ASSIGN_OR_RETURN(jobs.emplace_back(), JobArgument(reference));
  }
  std::vector<absl::Status> errors;
  for (const std::string& job : jobs) {
    const absl::Status status = action(job);
    if (absl::IsCancelled(status)) return status;
    if (!status.ok()) errors.push_back(status);
  }
  if (errors.empty()) return ExitCode::kDone;
  if (errors.size() == 1 && jobs.size() == 1) return errors.front();
  for (const absl::Status& error : errors) session.Complain(error.message());
  if (errors.size() < jobs.size()) return ExitCode::kPartlyDone;
  return ExitCodeOf(errors.front());
}

}  // namespace ecgtrain
