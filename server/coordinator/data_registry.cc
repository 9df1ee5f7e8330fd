#include "server/coordinator/data_registry.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {

absl::StatusOr<v1::ListDatasetsResponse> ListDatasets(StoreReader& reader, const Leases& leases) {
  ASSIGN_OR_RETURN(std::vector<v1::Worker> workers, reader.ListWorkers());  // by name
  std::map<std::string, v1::Dataset> by_name;
  for (v1::Worker& worker : workers) {
    for (v1::WorkerDataset& held : *worker.mutable_datasets()) {
      v1::Dataset& dataset = by_name[held.name()];
      dataset.set_name(held.name());
      v1::Dataset::Holder& holder = *dataset.add_holders();
      holder.set_worker(worker.name());
      holder.set_reachable(leases.IsReachable(worker.name()));
      *holder.mutable_dataset() = std::move(held);
    }
  }
  v1::ListDatasetsResponse response;
  for (auto& [name, dataset] : by_name) *response.add_datasets() = std::move(dataset);
  return response;
}

absl::StatusOr<v1::GetDatasetResponse> GetDataset(StoreReader& reader, const Leases& leases,
                                                  absl::string_view name) {
  ASSIGN_OR_RETURN(v1::ListDatasetsResponse all, ListDatasets(reader, leases));
  std::vector<std::string> known;
  for (v1::Dataset& dataset : *all.mutable_datasets()) {
    if (dataset.name() == name) {
      v1::GetDatasetResponse response;
      *response.mutable_dataset() = std::move(dataset);
      return response;
    }
    known.push_back(dataset.name());
  }
  return absl::NotFoundError(
      absl::StrCat("no worker has a data set ", Quoted(name), DidYouMean(name, known)));
}

}  // namespace ecgtrain
