// The data sets of the CODE group (Ribeiro et al.): HDF5 files of tracings [exams, 4096, 12] at 400 samples a
// second, zero padding at both ends, and CSV tables.
#ifndef ECGTRAIN_WORKER_DATA_CODE_FAMILY_H_
#define ECGTRAIN_WORKER_DATA_CODE_FAMILY_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

// All take the folder and the factor that makes the stored numbers millivolts. NOT_FOUND for absent files;
// DATA_LOSS for damaged ones.

// "code15" (CODE-15 %, Zenodo 4916206) and "code" (the full set, laid out the same way): exams.csv and every
// *.hdf5 with `tracings` and `exam_id`. Joined by exam_id, never by row. Exams that stand in no table or no
// file are counted as "not_in_table" and "file_missing", the row of zeros with exam_id 0 at the end of each
// part is no exam. Task `all`: 1dAVb, AF, LBBB, RBBB, SB, ST; an exam with a blank among these columns
// carries no label. Folds by patient_id.
absl::StatusOr<std::unique_ptr<DataSet>> OpenCode(const char* name, const std::filesystem::path& path,
                                                  double gain);

// CODE-test (Zenodo 3765780): ecg_tracings.hdf5 and annotations/gold_standard.csv, joined by row, there or in
// data/. Each exam is a patient's only one, and all are in fold 10: it is a test set. Task `all` as above.
absl::StatusOr<std::unique_ptr<DataSet>> OpenCodeTest(const std::filesystem::path& path, double gain);

// SaMi-Trop (Zenodo 4905618): exams.csv and exams.hdf5, joined by exam_id where the file has it, else by row.
// Each exam is a patient's only one. Task `all`: normal_ecg.
absl::StatusOr<std::unique_ptr<DataSet>> OpenSamiTrop(const std::filesystem::path& path, double gain);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_CODE_FAMILY_H_
