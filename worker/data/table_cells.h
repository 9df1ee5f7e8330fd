// Cells of the tables that come with data sets. All functions are thread-safe; DATA_LOSS names file, line,
// column and expectation.
#ifndef ECGTRAIN_WORKER_DATA_TABLE_CELLS_H_
#define ECGTRAIN_WORKER_DATA_TABLE_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/csv.h"
#include "worker/data/source_folder.h"

namespace ecgtrain {

// Reads and parses a table of up to 1 GiB, and adds its name and digest to `tables`. NOT_FOUND when it is not
// there.
absl::StatusOr<CsvTable> ReadTable(const SourceFolder& folder, absl::string_view name, std::string* tables);

absl::Status BadCell(const CsvTable& table, size_t row, absl::string_view column, absl::string_view found,
                     absl::string_view expected);

// Whole numbers, also where the table writes them as floats: "17787.0" is 17787.
absl::StatusOr<int64_t> ReadWhole(const CsvTable& table, size_t row, absl::string_view column, double low,
                                  double high);

absl::StatusOr<std::string> ReadText(const CsvTable& table, size_t row, absl::string_view column);

// As ReadText, but nothing is DATA_LOSS: names, patients, paths.
absl::StatusOr<std::string> ReadName(const CsvTable& table, size_t row, absl::string_view column);

// True, False, 1, 0, 1.0, 0.0 in any case; nothing where the cell is blank, which means not known.
absl::StatusOr<std::optional<bool>> ReadFlag(const CsvTable& table, size_t row, absl::string_view column);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_TABLE_CELLS_H_
