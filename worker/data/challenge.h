// A folder of recordings as the PhysioNet Challenges of 2020 and 2021 give them: WFDB headers with "#Dx:"
// lines, signals in MAT version 4 files, in any subfolders.
#ifndef ECGTRAIN_WORKER_DATA_CHALLENGE_H_
#define ECGTRAIN_WORKER_DATA_CHALLENGE_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

// Task `all`: the Challenge's 26 scored classes (diagnosis_codes.h); a record without any of them carries no
// label. A record is its own patient and takes its fold from its name, with two exceptions: A0001 to A6877
// are CPSC 2018's and keep its folds, HR00001 and on are PTB-XL's. With ptbxl_database.csv in the folder
// those keep PTB-XL's patients and folds; without it they are left out, counted as "ptbxl_copy", for else
// they could be trained on in one set and tested in the other. Their patients are named "ptbxl/PATIENT" and
// "cpsc2018/RECORD".
//
// NOT_FOUND for an absent folder; DATA_LOSS for a damaged header or table and for an HR record the table
// lacks.
absl::StatusOr<std::unique_ptr<DataSet>> OpenChallenge(const std::filesystem::path& path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_CHALLENGE_H_
