// A lab's own recordings: WFDB records or HDF5 files, listed in a CSV manifest, described by a short YAML
// file (own_description.h, docs/data-sets.md).
#ifndef ECGTRAIN_WORKER_DATA_OWN_DATA_H_
#define ECGTRAIN_WORKER_DATA_OWN_DATA_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

// `path` is the YAML file, or the folder that has it as ecgtrain.yaml. All files are named relative to that
// folder and cannot leave it. Records without a fold get one from their patient. Recordings that are listed
// but not there are counted as "file_missing". NOT_FOUND and DATA_LOSS name the file and, for the manifest,
// line and column.
absl::StatusOr<std::unique_ptr<DataSet>> OpenOwnData(const std::filesystem::path& path, double gain);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_OWN_DATA_H_
