#include "worker/data/csv.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {

// Reads one field at a time and hands complete rows to the table. Thread-compatible.
class CsvParser {
 public:
  CsvParser(absl::string_view text, absl::string_view name) : rest_(text) {
    table_.name_ = std::string(name);
  }

  absl::StatusOr<CsvTable> Run() {
    if (rest_.size() >= std::numeric_limits<uint32_t>::max()) return Bad(1, "is larger than 4 GiB");
    absl::ConsumePrefix(&rest_, "\xef\xbb\xbf");
    table_.text_.reserve(rest_.size());
    RETURN_IF_ERROR(ReadHeader());
    while (!OnlyEmptyLinesLeft()) RETURN_IF_ERROR(ReadRow());
    return std::move(table_);
  }

 private:
  absl::Status Bad(uint32_t line, absl::string_view what) const {
    return absl::DataLossError(absl::StrCat(table_.name_, " line ", line, " ", what));
  }

  bool OnlyEmptyLinesLeft() const { return rest_.find_first_not_of("\r\n") == absl::string_view::npos; }

  absl::Status ReadHeader() {
    if (OnlyEmptyLinesLeft()) return Bad(1, "has no header: the file is empty");
    RETURN_IF_ERROR(ReadFields());
    absl::flat_hash_set<std::string> seen;
    for (const CsvTable::Cell& cell : table_.cells_) {
      table_.columns_.push_back(table_.text_.substr(cell.offset, cell.size));
      if (!seen.insert(table_.columns_.back()).second) {
        return Bad(1, absl::StrCat("names the column ", Quoted(table_.columns_.back()), " twice"));
      }
    }
    table_.cells_.clear();
    table_.text_.clear();
    return absl::OkStatus();
  }

  absl::Status ReadRow() {
    const uint32_t line = line_;
    const size_t before = table_.cells_.size();
    RETURN_IF_ERROR(ReadFields());
    const size_t fields = table_.cells_.size() - before;
    if (fields != table_.columns_.size()) {
      return Bad(line, absl::StrCat("has ", fields, " fields; the header has ", table_.columns_.size()));
    }
    table_.lines_.push_back(line);
    return absl::OkStatus();
  }

  // All fields up to and with the end of the row.
  absl::Status ReadFields() {
    while (true) {
      const size_t start = table_.text_.size();
      RETURN_IF_ERROR(absl::ConsumePrefix(&rest_, "\"") ? ReadQuoted() : ReadPlain());
      table_.cells_.push_back(
          {static_cast<uint32_t>(start), static_cast<uint32_t>(table_.text_.size() - start)});
      if (absl::ConsumePrefix(&rest_, ",")) continue;
      if (rest_.empty()) return absl::OkStatus();
      if (absl::ConsumePrefix(&rest_, "\n") || absl::ConsumePrefix(&rest_, "\r\n")) {
        ++line_;
        return absl::OkStatus();
      }
      return Bad(line_, absl::StartsWith(rest_, "\r") ? "has a carriage return without a newline"
                                                      : "has text after a closing quote");
    }
  }

  absl::Status ReadPlain() {
    const size_t end = std::min(rest_.find_first_of(",\r\n\""), rest_.size());
    if (end < rest_.size() && rest_[end] == '"') return Bad(line_, "has a quote inside an unquoted field");
    table_.text_.append(rest_.data(), end);
    rest_.remove_prefix(end);
    return absl::OkStatus();
  }

  absl::Status ReadQuoted() {
    const uint32_t opened = line_;
    while (true) {
      const size_t end = rest_.find('"');
      if (end == absl::string_view::npos) return Bad(opened, "opens a quote that is never closed");
      line_ += std::count(rest_.begin(), rest_.begin() + end, '\n');
      table_.text_.append(rest_.data(), end);
      rest_.remove_prefix(end + 1);
      if (!absl::ConsumePrefix(&rest_, "\"")) return absl::OkStatus();
      table_.text_.push_back('"');
    }
  }

  absl::string_view rest_;
  uint32_t line_ = 1;
  CsvTable table_;
};

absl::StatusOr<CsvTable> CsvTable::Parse(absl::string_view text, absl::string_view name) {
  return CsvParser(text, name).Run();
}

absl::StatusOr<size_t> CsvTable::Column(absl::string_view column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found != columns_.end()) return found - columns_.begin();
  return absl::DataLossError(
      absl::StrCat(name_, " has no column ", Quoted(column), DidYouMean(column, columns_)));
}

absl::string_view CsvTable::cell(size_t row, size_t column) const {
  const Cell& cell = cells_[row * columns_.size() + column];
  return absl::string_view(text_).substr(cell.offset, cell.size);
}

std::string CsvTable::Where(size_t row) const { return absl::StrCat(name_, " line ", lines_[row]); }

}  // namespace ecgtrain
