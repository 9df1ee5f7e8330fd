#include "worker/data/table_cells.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/quoted.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace ecgtrain {

absl::StatusOr<CsvTable> ReadTable(const SourceFolder& folder, absl::string_view name, std::string* tables) {
  ASSIGN_OR_RETURN(const std::string text, folder.Read(name, 1 << 30));
  absl::StrAppend(tables, name, "\n", Sha256Hex(text), "\n");
  return CsvTable::Parse(text, (folder.path() / std::string(name)).string());
}

absl::Status BadCell(const CsvTable& table, size_t row, absl::string_view column, absl::string_view found,
                     absl::string_view expected) {
  return absl::DataLossError(absl::StrCat(table.Where(row), ", ", Shown(column), ": expected ", expected,
                                          ", found ", Quoted(found)));
}

absl::StatusOr<int64_t> ReadWhole(const CsvTable& table, size_t row, absl::string_view column, double low,
                                  double high) {
  ASSIGN_OR_RETURN(const size_t index, table.Column(column));
  const absl::string_view cell = table.cell(row, index);
  double value;
  if (!absl::SimpleAtod(cell, &value) || !(value >= low && value <= high) || value != std::floor(value)) {
    return BadCell(table, row, column, cell, absl::StrCat("a whole number from ", low, " to ", high));
  }
  return static_cast<int64_t>(value);
}

absl::StatusOr<std::string> ReadText(const CsvTable& table, size_t row, absl::string_view column) {
  ASSIGN_OR_RETURN(const size_t index, table.Column(column));
  return std::string(table.cell(row, index));
}

absl::StatusOr<std::string> ReadName(const CsvTable& table, size_t row, absl::string_view column) {
  ASSIGN_OR_RETURN(std::string text, ReadText(table, row, column));
  if (text.empty()) return BadCell(table, row, column, text, "a name");
  return text;
}

absl::StatusOr<std::optional<bool>> ReadFlag(const CsvTable& table, size_t row, absl::string_view column) {
  ASSIGN_OR_RETURN(const std::string text, ReadText(table, row, column));
  const std::string cell = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  if (cell.empty()) return std::nullopt;
  if (cell == "true" || cell == "1" || cell == "1.0") return true;
  if (cell == "false" || cell == "0" || cell == "0.0") return false;
  return BadCell(table, row, column, text, "True, False, 1, 0 or nothing");
}

}  // namespace ecgtrain
