#include "server/auth/principal.h"

#include <map>

#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

enum class Rule { kPeople, kAdmins, kWorkers };

const std::map<absl::string_view, Rule>& Rules() {
  static const auto& rules = *new std::map<absl::string_view, Rule>{
      {"/ecgtrain.v1.TrainingService/SubmitJobs", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/ValidateJobs", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/GetJob", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/ListJobs", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/WatchJob", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/CancelJob", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/PauseJob", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/ResumeJob", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/RequeueJob", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/ReadMetrics", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/ReadLogs", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/ListCheckpoints", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/ReadArtifact", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/ListWorkers", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/UpdateWorker", Rule::kAdmins},
      {"/ecgtrain.v1.TrainingService/ListDatasets", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/GetDataset", Rule::kPeople},
      {"/ecgtrain.v1.TrainingService/GetServerStatus", Rule::kPeople},
      {"/ecgtrain.v1.WorkerService/RegisterWorker", Rule::kWorkers},
      {"/ecgtrain.v1.WorkerService/Heartbeat", Rule::kWorkers},
      {"/ecgtrain.v1.WorkerService/ReportEvents", Rule::kWorkers},
      {"/ecgtrain.v1.WorkerService/QueryUpload", Rule::kWorkers},
      {"/ecgtrain.v1.WorkerService/UploadArtifact", Rule::kWorkers},
      {"/ecgtrain.v1.WorkerService/ReadArtifact", Rule::kWorkers},
      {"/ecgtrain.v1.WorkerService/FinishAttempt", Rule::kWorkers},
      {"/ecgtrain.v1.AdminService/CreateToken", Rule::kAdmins},
      {"/ecgtrain.v1.AdminService/ListTokens", Rule::kAdmins},
      {"/ecgtrain.v1.AdminService/RevokeToken", Rule::kAdmins},
      {"/ecgtrain.v1.AdminService/BackUp", Rule::kAdmins},
  };
  return rules;
}

bool Allows(Rule rule, Role role) {
  switch (rule) {
    case Rule::kPeople:
      return role == Role::kUser || role == Role::kAdmin;
    case Rule::kAdmins:
      return role == Role::kAdmin;
    case Rule::kWorkers:
      return role == Role::kWorker;
  }
  return false;
}

absl::string_view NameOf(Rule rule) {
  switch (rule) {
    case Rule::kPeople:
      return "user";
    case Rule::kAdmins:
      return "admin";
    case Rule::kWorkers:
      return "worker";
  }
  return "";
}

}  // namespace

absl::Status CheckMethod(const Principal& principal, absl::string_view method) {
  const auto found = Rules().find(method);
  if (found == Rules().end()) return absl::InternalError(absl::StrCat(method, " has no rule of access"));
  if (principal.anonymous || Allows(found->second, principal.role)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(method, " needs the role ", NameOf(found->second)));
}

bool HasRule(absl::string_view method) { return Rules().contains(method); }

absl::Status CheckSpeaksFor(const Principal& principal, absl::string_view worker) {
  if (principal.anonymous || principal.name == "*" || principal.name == worker) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("this token is good for worker ", principal.name, " alone, not for ", worker));
}

}  // namespace ecgtrain
