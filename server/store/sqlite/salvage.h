// What can still be read of a damaged database.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_SALVAGE_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_SALVAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ecgtrain {

struct SalvageResult {
  int64_t rows = 0;                         // copied
  std::vector<std::string> damaged_tables;  // of which rows are missing
};

// Copies every row that can be read of the database at `path` into a new one at `target`: table by table,
// from both ends up to the damage. Rows whose job or attempt is lost are left out. Tokens and job ids go on
// far behind those that were read. The database at `path` stays as it is. ALREADY_EXISTS when there is a file
// at `target`; FAILED_PRECONDITION when the database is in use; DATA_LOSS when not even its list of tables
// can be read.
absl::StatusOr<SalvageResult> SalvageDatabase(const std::string& path, const std::string& target,
                                              absl::Time now);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_SALVAGE_H_
