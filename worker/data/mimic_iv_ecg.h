// MIMIC-IV-ECG 1.0 (PhysioNet): about 800,035 recordings of 10 s at 500 samples a second, WFDB format 16.
#ifndef ECGTRAIN_WORKER_DATA_MIMIC_IV_ECG_H_
#define ECGTRAIN_WORKER_DATA_MIMIC_IV_ECG_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

// `path` holds record_list.csv and the files it names. Its headers have aVF before aVL: leads are found by
// name. No labels: a set for pretraining. Folds by subject_id. Records that are listed but not there are
// counted as "file_missing". NOT_FOUND for an absent set; DATA_LOSS for a damaged table.
absl::StatusOr<std::unique_ptr<DataSet>> OpenMimicIvEcg(const std::filesystem::path& path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_MIMIC_IV_ECG_H_
