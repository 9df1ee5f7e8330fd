#include "worker/data/cpsc2018.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "worker/data/diagnosis_codes.h"
#include "worker/data/folds.h"
#include "worker/data/listed_data_set.h"
#include "worker/data/table_cells.h"
#include "worker/data/wfdb_header.h"

namespace ecgtrain {
namespace {

// Of labels 1 to 9 in REFERENCE.csv.
constexpr const char* kNames[] = {"Normal", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE"};

using Reference = std::map<std::string, std::vector<std::string>>;  // names of classes by record

absl::Status AddReference(const SourceFolder& folder, const std::string& name, std::string* tables,
                          Reference* reference) {
  ASSIGN_OR_RETURN(const CsvTable table, ReadTable(folder, name, tables));
  for (size_t row = 0; row < table.rows(); ++row) {
    ASSIGN_OR_RETURN(const std::string record, ReadName(table, row, "Recording"));
    std::vector<std::string> labels;
    for (const char* column : {"First_label", "Second_label", "Third_label"}) {
      ASSIGN_OR_RETURN(const std::string cell, ReadText(table, row, column));
      if (cell.empty()) continue;
      ASSIGN_OR_RETURN(const int64_t label, ReadWhole(table, row, column, 1, 9));
      labels.emplace_back(kNames[label - 1]);
    }
    if (labels.empty()) return BadCell(table, row, "First_label", "", "a label from 1 to 9");
    if (const auto [at, added] = reference->emplace(record, labels); !added && at->second != labels)
      return BadCell(table, row, "Recording", record, "each recording once");
  }
  return absl::OkStatus();
}

// Class names or SNOMED codes of one record: from the table, or without one from its header.
absl::StatusOr<std::vector<std::string>> CodesOf(const SourceFolder& folder, const std::string& file) {
  const std::string name = absl::StrCat(file, ".hea");
  const std::string where = (folder.path() / name).string();
  ASSIGN_OR_RETURN(const std::string text, folder.Read(name, 1 << 20));
  ASSIGN_OR_RETURN(const WfdbHeader header, ParseWfdbHeader(text, where));
  return ReadDiagnoses(header.comments, where);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataSet>> OpenCpsc2018(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(SourceFolder folder, SourceFolder::Open(path));
  RecordList list{.info = {.name = "cpsc2018", .source_rate = 500}};
  list.info.tasks = {{"all", ClassNames(Cpsc2018Classes())}};
  Reference reference;
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, folder.List("REFERENCE.csv"));
  for (const std::string& table : tables)
    RETURN_IF_ERROR(AddReference(folder, table, &list.tables, &reference));
  ASSIGN_OR_RETURN(std::vector<std::string> files, folder.List(".hea"));
  const absl::string_view suffix = files.empty() ? ".mat" : ".hea";
  if (files.empty()) {
    ASSIGN_OR_RETURN(files, folder.List(".mat"));
    if (reference.empty())
      return absl::NotFoundError(
          absl::StrCat("no REFERENCE.csv, which holds the labels, in ", path.string()));
  }
  for (const std::string& file : files) {
    const std::string base(absl::StripSuffix(file, suffix));
    ListedRecord record{.id = base.substr(base.rfind('/') + 1), .place = {suffix == ".hea" ? base : file}};
    const std::optional<uint32_t> fold = FoldOfCpsc2018(record.id);
    const auto known = reference.find(record.id);
    if (!fold || (!reference.empty() && known == reference.end())) {
      ++list.info.skipped["not_in_table"];
      continue;
    }
    record.patient = record.id;
    record.fold = *fold;
    std::vector<std::string> codes;
    if (known != reference.end()) {
      codes = known->second;
    } else {
      ASSIGN_OR_RETURN(codes, CodesOf(folder, base));
    }
    record.labels = {LabelsOf(codes, Cpsc2018Classes(), list.info.tasks[0].classes)};
    list.records.push_back(std::move(record));
  }
  if (list.records.size() < reference.size()) {
    list.info.skipped["file_missing"] = reference.size() - list.records.size();
  }
  ASSIGN_OR_RETURN(SourceFolder own, SourceFolder::Open(path));
  list.signals = suffix == ".hea" ? MakeWfdbSource(std::move(own)) : MakeCpscMatSource(std::move(own));
  return MakeListedDataSet(std::move(list), folder);
}

}  // namespace ecgtrain
