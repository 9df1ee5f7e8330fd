// ecgctl data list, get.
#include <vector>

#include "client/cli/command.h"
#include "client/cli/data_view.h"
#include "client/cli/session.h"
#include "common/status_macros.h"
#include "spec/dataset_reference.h"

namespace ecgtrain {
namespace {

absl::StatusOr<ExitCode> ListDatasets(Session& session, const Arguments&) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::ListDatasetsResponse response, client->ListDatasets());
  session.output().Print(response, response.datasets(), DatasetTable(response.datasets()));
  if (response.datasets().empty())
    session.Talk("no worker has ever registered; start one: ecg-worker --help");
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> GetDataset(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const DatasetReference wanted, ParseDatasetReference(arguments.Get("DATASET")));
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  v1::ListDatasetsResponse shown;
  ASSIGN_OR_RETURN(*shown.add_datasets(), client->GetDataset(wanted.name));
  session.output().Print(shown.datasets(0), shown.datasets(), DatasetDetails(shown.datasets(0)));
  return ExitCode::kDone;
}

}  // namespace

std::vector<Command> DataCommands() {
  return {{"data list",
           "list data sets: versions, digests, counts, licences and who holds them",
           {},
           ListDatasets},
          {"data get",
           "show a data set: holders, packs, folds, labels, what was left out, notes on units",
           {{"DATASET", OptionKind::kText, "name of the data set", {}, true}},
           GetDataset}};
}

}  // namespace ecgtrain
