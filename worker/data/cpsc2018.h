// CPSC 2018 (China Physiological Signal Challenge), 6,877 recordings of 6 to 144 s at 500 samples a second,
// in both of its encodings.
#ifndef ECGTRAIN_WORKER_DATA_CPSC2018_H_
#define ECGTRAIN_WORKER_DATA_CPSC2018_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

// `path` holds, in any subfolder, A0001.hea and A0001.mat (the PhysioNet Challenge's form) or A0001.mat alone
// (the organisers' form). Labels are those of REFERENCE.csv, up to three a record; without that table the
// headers' #Dx lines, which say the same. Records that the table lists but the folder lacks are counted as
// "file_missing", those it does not list as "not_in_table".
//
// Task `all`: AF, I-AVB, LBBB, Normal, PAC, PVC, RBBB, STD, STE. A record is its own patient, for the set
// does not tell patients; folds are fixed (folds.h). NOT_FOUND for an absent set; DATA_LOSS for a damaged
// table or header.
absl::StatusOr<std::unique_ptr<DataSet>> OpenCpsc2018(const std::filesystem::path& path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_CPSC2018_H_
