// ecgctl worker list, cordon, uncordon.
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/job_view.h"
#include "client/cli/session.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

absl::StatusOr<ExitCode> ListWorkers(Session& session, const Arguments&) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::ListWorkersResponse response, client->ListWorkers());
  session.output().Print(response, response.workers(),
                         WorkerTable(response.workers(), session.clock().Now()));
  if (response.workers().empty()) session.Talk("no worker has ever registered; start one: ecg-worker --help");
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Update(Session& session, const Arguments& arguments, bool cordoned) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  v1::ListWorkersResponse changed;
  ASSIGN_OR_RETURN(*changed.add_workers(),
                   client->UpdateWorker(arguments.Get("WORKER"), cordoned, arguments.Get("--reason")));
  session.output().Print(changed, changed.workers(), WorkerTable(changed.workers(), session.clock().Now()));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Cordon(Session& session, const Arguments& arguments) {
  return Update(session, arguments, true);
}
absl::StatusOr<ExitCode> Uncordon(Session& session, const Arguments& arguments) {
  return Update(session, arguments, false);
}

}  // namespace

std::vector<Command> WorkerCommands() {
  const Option worker = {"WORKER", OptionKind::kText, "name of the worker", {}, true};
  const Option reason = {"--reason", OptionKind::kText, "shown to whoever asks why"};
  return {{"worker list", "list workers with their devices, data sets and attempts", {}, ListWorkers},
          {"worker cordon", "give a worker no new attempts; what runs goes on", {worker, reason}, Cordon},
          {"worker uncordon", "give a worker new attempts again", {worker}, Uncordon}};
}

}  // namespace ecgtrain
