// ecgctl server status, health, version.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/job_view.h"
#include "client/cli/session.h"
#include "client/cli/text.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "common/units.h"

namespace ecgtrain {
namespace {

Table StatusTable(const v1::GetServerStatusResponse& status, const std::string& server, absl::Time now) {
  std::vector<std::string> jobs;
  for (int state = v1::QUEUED; state <= v1::CANCELLED; ++state) {
    const auto found = status.jobs().find(state);
    const int64_t count = found == status.jobs().end() ? 0 : found->second;
    jobs.push_back(absl::StrCat(count, " ", v1::JobState_Name(static_cast<v1::JobState>(state))));
  }
  Table table;
  table.columns = {{"FIELD"}, {"VALUE"}};
  table.rows = {
      {"server", server},
      {"version", status.version()},
      {"started", {Ago(status.started(), now), Rfc3339(status.started())}},
      {"jobs", absl::StrJoin(jobs, ", ")},
      {"workers", absl::StrCat(status.workers_reachable(), " of ", status.workers(), " reachable")},
      {"store", {HumanBytes(status.store_bytes()), absl::StrCat(status.store_bytes())}},
      {"artifacts", {HumanBytes(status.artifact_bytes()), absl::StrCat(status.artifact_bytes())}},
      {"disk free", {HumanBytes(status.disk_free_bytes()), absl::StrCat(status.disk_free_bytes())}},
      {"not taken", status.not_taken().empty()
                        ? ""
                        : absl::StrCat(absl::StrJoin(status.not_taken(), ", "), ": the disk is filling")},
      {"authentication", status.authentication() ? "on" : "off"},
      {"transport", status.insecure() ? "plain text (INSECURE)" : "TLS or loopback"},
  };
  return table;
}

absl::StatusOr<ExitCode> Status(Session& session, const Arguments&) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::GetServerStatusResponse status, client->GetServerStatus());
  session.output().Print(status, std::vector<v1::GetServerStatusResponse>{status},
                         StatusTable(status, client->server(), session.clock().Now()));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> BackUp(Session& session, const Arguments&) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::BackUpResponse made, client->BackUp());
  Table table;
  table.columns = {{"FIELD"}, {"VALUE"}};
  table.rows = {{"backup", EscapeControl(made.path())},
                {"size", {HumanBytes(made.bytes()), absl::StrCat(made.bytes())}}};
  session.output().Print(made, std::vector<v1::BackUpResponse>{made}, table);
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Health(Session& session, const Arguments&) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const bool serving, client->CheckHealth());
  session.output().Write(serving ? "SERVING\n" : "NOT_SERVING\n");
  return serving ? ExitCode::kDone : ExitCode::kWrongState;
}

absl::StatusOr<ExitCode> Version(Session& session, const Arguments&) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::GetServerStatusResponse status, client->GetServerStatus());
  session.output().Write(
      absl::StrCat("ecgctl ", ECGTRAIN_VERSION, "\nserver ", EscapeControl(status.version()), "\n"));
  return ExitCode::kDone;
}

}  // namespace

std::vector<Command> ServerCommands() {
  return {{"server status", "jobs by state, workers, disk", {}, Status},
          {"server backup", "copy the coordinator's database while it serves", {}, BackUp},
          {"server health", "SERVING or NOT_SERVING, for probes", {}, Health},
          {"server version", "version of this program and of the server", {}, Version}};
}

}  // namespace ecgtrain
