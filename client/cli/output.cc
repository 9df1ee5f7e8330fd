#include "client/cli/output.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/text.h"
#include "common/quoted.h"

namespace ecgtrain {
namespace {

constexpr absl::string_view kGap = "  ";

std::string Padded(const std::string& text, size_t width, bool right) {
  const std::string padding(width - std::min(width, DisplayWidth(text)), ' ');
  return right ? absl::StrCat(padding, text) : absl::StrCat(text, padding);
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace

std::string RenderTable(const Table& table, bool wide, bool headers) {
  std::vector<size_t> shown;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (wide || !table.columns[i].wide) shown.push_back(i);
  }
  std::vector<std::vector<std::string>> lines;
  if (headers) {
    lines.emplace_back();
    for (const size_t column : shown) lines.back().push_back(table.columns[column].title);
  }
  for (const auto& row : table.rows) {
    lines.emplace_back();
    for (const size_t column : shown) lines.back().push_back(EscapeControl(row[column].human));
  }
  std::vector<size_t> widths(shown.size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(line[i]));
  }
  std::string text;
  for (auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i)
      line[i] = Padded(line[i], widths[i], table.columns[shown[i]].right);
    const std::string joined = absl::StrJoin(line, kGap);
    absl::StrAppend(&text, joined.substr(0, joined.find_last_not_of(' ') + 1), "\n");
  }
  return text;
}

std::string RenderCsv(const Table& table, bool headers) {
  std::string text;
  const auto append = [&text](const std::vector<std::string>& fields) {
    absl::StrAppend(&text, absl::StrJoin(fields, ","), "\n");
  };
  if (headers) {
    std::vector<std::string> titles;
    for (const Column& column : table.columns)
      titles.push_back(CsvField(absl::AsciiStrToLower(column.title)));
    append(titles);
  }
  for (const auto& row : table.rows) {
    std::vector<std::string> fields;
    for (const Cell& cell : row) fields.push_back(CsvField(cell.machine));
    append(fields);
  }
  return text;
}

std::string RenderJson(const google::protobuf::Message& message, bool one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !one_line;
  options.preserve_proto_field_names = true;
  std::string text;
  // Only a broken Any or timestamp fails, and the API has no Any; what was printed until then shows the
  // broken one.
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok() || text.empty() || text.back() != '\n') text.push_back('\n');
  return text;
}

void Output::PrintTable(const Table& table) {
  if (options_.quiet) {
    for (const auto& row : table.rows) Write(absl::StrCat(row.front().machine, "\n"));
    return;
  }
  const bool csv = options_.format == OutputFormat::kCsv;
  Write(csv ? RenderCsv(table, options_.headers)
            : RenderTable(table, options_.format == OutputFormat::kWide, options_.headers));
  options_.headers = false;
}

void Output::Write(absl::string_view text) {
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  out_.flush();
}

}  // namespace ecgtrain
