#include "worker/data/ptbxl_labels.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/data_set.h"
#include "worker/data/python_dict.h"
#include "worker/data/table_cells.h"

namespace ecgtrain {
namespace {

// In the order of PtbxlLabels::tasks().
constexpr const char* kTaskNames[] = {"all",  "diagnostic", "subdiagnostic", "superdiagnostic",
                                      "form", "rhythm"};
constexpr size_t kTasks = std::size(kTaskNames);

// Class of each task for one statement; "" where the statement takes no part in the task.
using ClassByTask = std::array<std::string, kTasks>;

absl::StatusOr<ClassByTask> ReadStatement(const CsvTable& table, size_t row, absl::string_view code) {
  ClassByTask classes;
  classes[0] = std::string(code);
  ASSIGN_OR_RETURN(const std::optional<bool> diagnostic, ReadFlag(table, row, "diagnostic"));
  ASSIGN_OR_RETURN(const std::optional<bool> form, ReadFlag(table, row, "form"));
  ASSIGN_OR_RETURN(const std::optional<bool> rhythm, ReadFlag(table, row, "rhythm"));
  if (diagnostic.value_or(false)) {
    ASSIGN_OR_RETURN(const size_t subclass, table.Column("diagnostic_subclass"));
    ASSIGN_OR_RETURN(const size_t superclass, table.Column("diagnostic_class"));
    classes[1] = std::string(code);
    classes[2] = std::string(table.cell(row, subclass));
    classes[3] = std::string(table.cell(row, superclass));
    if (classes[2].empty() || classes[3].empty()) {
      return absl::DataLossError(absl::StrCat(table.Where(row), ": diagnostic statement ", Shown(code),
                                              " has no diagnostic_class or diagnostic_subclass"));
    }
  }
  if (form.value_or(false)) classes[4] = std::string(code);
  if (rhythm.value_or(false)) classes[5] = std::string(code);
  return classes;
}

}  // namespace

absl::StatusOr<PtbxlLabels> PtbxlLabels::Make(const CsvTable& statements) {
  if (statements.rows() > kMaxClasses) {
    return absl::DataLossError(absl::StrCat(statements.Where(kMaxClasses), ": expected at most ", kMaxClasses,
                                            " statements, found ", statements.rows()));
  }
  std::map<std::string, ClassByTask> by_code;
  ASSIGN_OR_RETURN(const size_t code_column, statements.Column(""));
  for (size_t row = 0; row < statements.rows(); ++row) {
    const std::string code(statements.cell(row, code_column));
    ASSIGN_OR_RETURN(ClassByTask classes, ReadStatement(statements, row, code));
    if (code.empty() || !by_code.emplace(code, std::move(classes)).second) {
      return absl::DataLossError(
          absl::StrCat(statements.Where(row), ": expected a new statement code, found ", Quoted(code)));
    }
  }
  PtbxlLabels labels;
  for (size_t task = 0; task < kTasks; ++task) {
    std::set<std::string> classes;
    for (const auto& [code, by_task] : by_code) {
      if (!by_task[task].empty()) classes.insert(by_task[task]);
    }
    labels.tasks_.push_back({kTaskNames[task], {classes.begin(), classes.end()}});
    for (const auto& [code, by_task] : by_code) {
      if (by_task[task].empty()) continue;
      const size_t index = std::distance(classes.begin(), classes.find(by_task[task]));
      labels.labels_[code].push_back({task, index});
    }
  }
  return labels;
}

absl::StatusOr<std::vector<std::vector<bool>>> PtbxlLabels::Read(absl::string_view scp_codes) const {
  ASSIGN_OR_RETURN(const auto codes, ParsePythonDict(scp_codes));
  std::vector<std::vector<bool>> labels(tasks_.size());
  for (const auto& [code, likelihood] : codes) {
    const auto found = labels_.find(code);
    if (found == labels_.end())
      return absl::DataLossError(absl::StrCat(Quoted(code), " is no statement of scp_statements.csv"));
    for (const Label& label : found->second) {
      labels[label.task].resize(tasks_[label.task].classes.size());
      labels[label.task][label.index] = true;
    }
  }
  return labels;
}

}  // namespace ecgtrain
