// Which data sets there are and who holds them: read from what the workers have advertised.
#ifndef ECGTRAIN_SERVER_COORDINATOR_DATA_REGISTRY_H_
#define ECGTRAIN_SERVER_COORDINATOR_DATA_REGISTRY_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ecgtrain/v1/training_service.pb.h"
#include "server/coordinator/leases.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// By name; of workers that are away, too.
absl::StatusOr<v1::ListDatasetsResponse> ListDatasets(StoreReader& reader, const Leases& leases);

// NOT_FOUND, with the nearest known name.
absl::StatusOr<v1::GetDatasetResponse> GetDataset(StoreReader& reader, const Leases& leases,
                                                  absl::string_view name);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_DATA_REGISTRY_H_
