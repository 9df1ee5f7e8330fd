// Standard output: tables for people, JSON and CSV for programs.
#ifndef ECGTRAIN_CLIENT_CLI_OUTPUT_H_
#define ECGTRAIN_CLIENT_CLI_OUTPUT_H_

#include <google/protobuf/message.h>

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

enum class OutputFormat { kTable, kWide, kJson, kJsonLines, kCsv };

struct Column {
  std::string title;
  // Not in the narrow table.
  bool wide = false;
  bool right = false;
};

// The same value for people ("3m20s ago") and for programs ("2026-11-22T10:00:00Z").
struct Cell {
  Cell(std::string same) : human(same), machine(std::move(same)) {}  // NOLINT(google-explicit-constructor)
  Cell(const char* same) : Cell(std::string(same)) {}                // NOLINT(google-explicit-constructor)
  Cell(std::string human, std::string machine) : human(std::move(human)), machine(std::move(machine)) {}
  std::string human;
  std::string machine;
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

// Control characters are escaped in both. `wide` shows all columns, as CSV always does.
std::string RenderTable(const Table& table, bool wide, bool headers);
// RFC 4180 with line feeds.
std::string RenderCsv(const Table& table, bool headers);
// The canonical JSON of a message with proto field names, on one line or indented. Ends with a line feed.
std::string RenderJson(const google::protobuf::Message& message, bool one_line);

// Thread-compatible.
class Output {
 public:
  struct Options {
    OutputFormat format = OutputFormat::kTable;
    bool headers = true;
    bool quiet = false;
  };
  Output(std::ostream& out, const Options& options) : out_(out), options_(options) {}

  OutputFormat format() const { return options_.format; }
  bool quiet() const { return options_.quiet; }
  bool for_people() const {
    return options_.format == OutputFormat::kTable || options_.format == OutputFormat::kWide;
  }

  // `whole` as JSON, its `items` a line each as JSON lines, `table` otherwise. Quiet: the first column alone.
  template <typename Items>
  void Print(const google::protobuf::Message& whole, const Items& items, const Table& table) {
    if (!options_.quiet && options_.format == OutputFormat::kJson)
      return Write(RenderJson(whole, /*one_line=*/false));
    if (!options_.quiet && options_.format == OutputFormat::kJsonLines) {
      for (const auto& item : items) Write(RenderJson(item, /*one_line=*/true));
      return;
    }
    PrintTable(table);
  }

  // The table in the chosen text format. Later calls leave the headers out: rows of a stream.
  void PrintTable(const Table& table);
  void Write(absl::string_view text);

 private:
  std::ostream& out_;
  Options options_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_OUTPUT_H_
