// PTB-XL in its official layout (PhysioNet ptb-xl 1.0.1 to 1.0.3): ptbxl_database.csv, scp_statements.csv,
// records100/, records500/.
//
// Tasks and labels follow Strodthoff et al. 2021 (ecg_ptbxl_benchmarking): a statement counts when it is a
// key of scp_codes, whatever its likelihood; classes are sorted; a record without a statement of a task
// carries no label of it. Class lists come from scp_statements.csv, so that they do not depend on which
// records are there: 71 all, 44 diagnostic, 23 subdiagnostic, 5 superdiagnostic, 19 form, 12 rhythm.
#ifndef ECGTRAIN_WORKER_DATA_PTBXL_H_
#define ECGTRAIN_WORKER_DATA_PTBXL_H_

#include <cstdint>
#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

// For a `rate` up to 100 reads records100; for more, records500 where that folder holds every record that
// records100 holds, else records100, with a note. Records that the table lists but the folder lacks are
// counted as "file_missing". NOT_FOUND when `path`, a table or every record is absent; DATA_LOSS for damaged
// tables.
absl::StatusOr<std::unique_ptr<DataSet>> OpenPtbxl(const std::filesystem::path& path, uint32_t rate);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PTBXL_H_
