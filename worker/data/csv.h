// Comma-separated tables as RFC 4180 defines them: quoted fields, doubled quotes, newlines inside quotes, LF
// or CRLF, an optional UTF-8 byte order mark, a header line. Cells are found by column name, never by
// position.
#ifndef ECGTRAIN_WORKER_DATA_CSV_H_
#define ECGTRAIN_WORKER_DATA_CSV_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Immutable after Parse: thread-safe.
class CsvTable {
 public:
  // `name` stands in error messages. DATA_LOSS, naming the line, for a row whose number of fields differs
  // from the header's, a quote inside an unquoted field, text after a closing quote, a quote never closed, a
  // carriage return without a newline, a doubled column name and an empty text. Empty lines at the end are
  // left out.
  static absl::StatusOr<CsvTable> Parse(absl::string_view text, absl::string_view name);

  size_t rows() const { return lines_.size(); }

  // Index of a column; DATA_LOSS, naming the file and near names, when there is none.
  absl::StatusOr<size_t> Column(absl::string_view column) const;

  // REQUIRES: row < rows(), column from Column(). Valid as long as the table.
  absl::string_view cell(size_t row, size_t column) const;

  // "NAME line 17": where a row starts, for error messages.
  std::string Where(size_t row) const;

 private:
  friend class CsvParser;
  struct Cell {
    uint32_t offset;
    uint32_t size;
  };

  std::string name_;
  std::vector<std::string> columns_;
  std::string text_;         // all cells, unquoted, one after the other
  std::vector<Cell> cells_;  // row after row
  std::vector<uint32_t> lines_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_CSV_H_
