#include "worker/data/challenge.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "worker/data/diagnosis_codes.h"
#include "worker/data/folds.h"
#include "worker/data/listed_data_set.h"
#include "worker/data/table_cells.h"
#include "worker/data/wfdb_header.h"

namespace ecgtrain {
namespace {

constexpr char kPtbxlTable[] = "ptbxl_database.csv";

struct Origin {
  std::string patient;
  uint32_t fold = 0;
};

// Patients and folds of PTB-XL by ecg_id; nothing without its table.
using PtbxlFolds = std::optional<absl::flat_hash_map<int64_t, Origin>>;

absl::StatusOr<PtbxlFolds> ReadPtbxlFolds(const SourceFolder& folder, std::string* tables) {
  const absl::StatusOr<CsvTable> table = ReadTable(folder, kPtbxlTable, tables);
  if (absl::IsNotFound(table.status())) return std::nullopt;
  RETURN_IF_ERROR(table.status());
  absl::flat_hash_map<int64_t, Origin> folds;
  for (size_t row = 0; row < table->rows(); ++row) {
    ASSIGN_OR_RETURN(const int64_t id, ReadWhole(*table, row, "ecg_id", 0, 1e15));
    ASSIGN_OR_RETURN(const int64_t patient, ReadWhole(*table, row, "patient_id", 0, 1e15));
    ASSIGN_OR_RETURN(const int64_t fold, ReadWhole(*table, row, "strat_fold", 1, 10));
    folds[id] = {absl::StrCat("ptbxl/", patient), static_cast<uint32_t>(fold)};
  }
  return folds;
}

// Nothing for a PTB-XL record whose fold cannot be known.
absl::StatusOr<std::optional<Origin>> OriginOf(const std::string& id, const PtbxlFolds& ptbxl,
                                               const SourceFolder& folder) {
  int64_t number = 0;
  if (absl::StartsWith(id, "HR") && absl::SimpleAtoi(id.substr(2), &number)) {
    if (!ptbxl) return std::nullopt;
    const auto found = ptbxl->find(number);
    if (found != ptbxl->end()) return found->second;
    return absl::DataLossError(absl::StrCat((folder.path() / kPtbxlTable).string(), " has no ecg_id ", number,
                                            ", of which ", id, " is a copy"));
  }
  if (const std::optional<uint32_t> fold = FoldOfCpsc2018(id))
    return Origin{absl::StrCat("cpsc2018/", id), *fold};
  return Origin{id, FoldOfPatient(id)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataSet>> OpenChallenge(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(SourceFolder folder, SourceFolder::Open(path));
  RecordList list{.info = {.name = "challenge"}};
  list.info.tasks = {{"all", ClassNames(ChallengeClasses())}};
  ASSIGN_OR_RETURN(const PtbxlFolds ptbxl, ReadPtbxlFolds(folder, &list.tables));
  ASSIGN_OR_RETURN(const std::vector<std::string> headers, folder.List(".hea"));
  for (const std::string& name : headers) {
    const std::string file(absl::StripSuffix(name, ".hea"));
    ListedRecord record{.id = file.substr(file.rfind('/') + 1), .place = {file}};
    ASSIGN_OR_RETURN(const std::optional<Origin> origin, OriginOf(record.id, ptbxl, folder));
    if (!origin) {
      ++list.info.skipped["ptbxl_copy"];
      continue;
    }
    record.patient = origin->patient;
    record.fold = origin->fold;
    const std::string where = (folder.path() / name).string();
    ASSIGN_OR_RETURN(const std::string text, folder.Read(name, 1 << 20));
    ASSIGN_OR_RETURN(const WfdbHeader header, ParseWfdbHeader(text, where));
    ASSIGN_OR_RETURN(const std::vector<std::string> codes, ReadDiagnoses(header.comments, where));
    std::vector<bool> labels = LabelsOf(codes, ChallengeClasses(), list.info.tasks[0].classes);
    if (std::find(labels.begin(), labels.end(), true) == labels.end()) labels.clear();
    record.labels = {std::move(labels)};
    list.records.push_back(std::move(record));
  }
  if (list.info.skipped.contains("ptbxl_copy")) {
    list.info.notes.push_back(absl::StrCat("HR records are copies of PTB-XL and were left out: with its ",
                                           kPtbxlTable, " in ", path.string(), " they keep PTB-XL's folds"));
  }
  ASSIGN_OR_RETURN(SourceFolder own, SourceFolder::Open(path));
  list.signals = MakeWfdbSource(std::move(own));
  return MakeListedDataSet(std::move(list), folder);
}

}  // namespace ecgtrain
