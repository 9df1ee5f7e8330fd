#include "worker/data/ptbxl.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "worker/data/csv.h"
#include "worker/data/leads.h"
#include "worker/data/ptbxl_labels.h"
#include "worker/data/source_folder.h"
#include "worker/data/table_cells.h"
#include "worker/data/wfdb_signal.h"

namespace ecgtrain {
namespace {

constexpr char kDatabase[] = "ptbxl_database.csv";
constexpr char kStatements[] = "scp_statements.csv";

// The two files of one recording, as found when the set was opened.
struct RecordFiles {
  SourceFileInfo header;
  SourceFileInfo signal;
};

struct Row {
  std::string id;
  std::string patient;
  uint32_t fold = 0;
  std::string name_100;  // without ".hea"
  std::string name_500;
  std::optional<RecordFiles> files_100;
  std::optional<RecordFiles> files_500;
  std::vector<std::vector<bool>> labels;
};

// Nothing where either file is not there.
absl::StatusOr<std::optional<RecordFiles>> FindFiles(const SourceFolder& folder, const std::string& name) {
  RecordFiles files;
  for (const auto& [suffix, info] : {std::pair(".hea", &files.header), std::pair(".dat", &files.signal)}) {
    absl::StatusOr<SourceFileInfo> found = folder.Stat(absl::StrCat(name, suffix));
    if (absl::IsNotFound(found.status())) return std::nullopt;
    RETURN_IF_ERROR(found.status());
    *info = *found;
  }
  return files;
}

absl::StatusOr<Row> ReadRow(const SourceFolder& folder, const CsvTable& table, size_t row,
                            const PtbxlLabels& labels) {
  Row result;
  ASSIGN_OR_RETURN(const int64_t id, ReadWhole(table, row, "ecg_id", 0, 1e15));
  ASSIGN_OR_RETURN(const int64_t patient, ReadWhole(table, row, "patient_id", 0, 1e15));
  ASSIGN_OR_RETURN(const int64_t fold, ReadWhole(table, row, "strat_fold", 1, 10));
  ASSIGN_OR_RETURN(result.name_100, ReadText(table, row, "filename_lr"));
  ASSIGN_OR_RETURN(result.name_500, ReadText(table, row, "filename_hr"));
  ASSIGN_OR_RETURN(const std::string codes, ReadText(table, row, "scp_codes"));
  ASSIGN_OR_RETURN(result.labels, labels.Read(codes),
                   WithContext(_, absl::StrCat(table.Where(row), ", scp_codes")));
  ASSIGN_OR_RETURN(result.files_100, FindFiles(folder, result.name_100),
                   WithContext(_, absl::StrCat(table.Where(row), ", filename_lr")));
  ASSIGN_OR_RETURN(result.files_500, FindFiles(folder, result.name_500),
                   WithContext(_, absl::StrCat(table.Where(row), ", filename_hr")));
  result.id = absl::StrCat(id);
  result.patient = absl::StrCat(patient);
  result.fold = static_cast<uint32_t>(fold);
  return result;
}

absl::StatusOr<std::vector<Row>> ReadRows(const SourceFolder& folder, const CsvTable& table,
                                          const PtbxlLabels& labels) {
  std::vector<Row> rows;
  rows.reserve(table.rows());
  absl::flat_hash_set<std::string> ids;
  absl::flat_hash_map<std::string, uint32_t> folds;  // by patient
  for (size_t row = 0; row < table.rows(); ++row) {
    ASSIGN_OR_RETURN(Row read, ReadRow(folder, table, row, labels));
    if (!ids.insert(read.id).second) return BadCell(table, row, "ecg_id", read.id, "each id once");
    const uint32_t fold = folds.emplace(read.patient, read.fold).first->second;
    if (fold != read.fold) {  // a patient on both sides of a split would flatter every score
      return BadCell(table, row, "strat_fold", absl::StrCat(read.fold),
                     absl::StrCat("fold ", fold, " as in the other records of patient ", read.patient));
    }
    rows.push_back(std::move(read));
  }
  return rows;
}

class Ptbxl final : public DataSet {
 public:
  Ptbxl(SourceFolder folder, DataSetInfo info, std::vector<Row> rows, std::string table_digest)
      : folder_(std::move(folder)),
        info_(std::move(info)),
        rows_(std::move(rows)),
        table_digest_(std::move(table_digest)) {}

  // Chooses the folder to read and leaves out the records that it lacks.
  absl::Status Choose(uint32_t rate) {
    size_t with_100 = 0, with_500 = 0, with_100_only = 0;
    for (const Row& row : rows_) {
      with_100 += row.files_100.has_value();
      with_500 += row.files_500.has_value();
      with_100_only += row.files_100.has_value() && !row.files_500.has_value();
    }
    use_500_ = with_500 > 0 && ((rate > 100 && with_100_only == 0) || with_100 == 0);
    info_.source_rate = use_500_ ? 500 : 100;
    const size_t found = use_500_ ? with_500 : with_100;
    if (found == 0) {
      return absl::NotFoundError(
          absl::StrCat("none of the ", rows_.size(), " records of ", (folder_.path() / kDatabase).string(),
                       " is there: expected them in records100/ and records500/ beside the table"));
    }
    if (rate > 100 && !use_500_) {
      info_.notes.push_back(absl::StrCat("records500 lacks ", with_100_only, " of ", with_100,
                                         " records, so the signals were resampled from 100 to ", rate,
                                         " samples a second"));
    }
    if (found < rows_.size()) info_.skipped["file_missing"] = rows_.size() - found;
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (Files(row)) present_.push_back(row);
    }
    return absl::OkStatus();
  }

  const DataSetInfo& info() const override { return info_; }
  size_t size() const override { return present_.size(); }

  absl::StatusOr<Recording> Read(size_t index) const override {
    const Row& row = rows_[present_[index]];
    const std::string& name = use_500_ ? row.name_500 : row.name_100;
    ASSIGN_OR_RETURN(const WfdbRecord record, ReadWfdbRecord(folder_, name));
    ASSIGN_OR_RETURN(const auto leads, FindLeads(record.names, (folder_.path() / name).string()));
    return Recording{row.id,
                     row.patient,
                     row.fold,
                     record.rate,
                     SelectLeads(record.millivolts, record.names.size(), leads),
                     row.labels};
  }

  // The tables' content, and of every record that is there, at both rates, the header's content and the
  // signal file's size. Headers hold a checksum of each lead, which reading verifies.
  absl::StatusOr<std::string> SourceDigest() const override {
    Sha256 digest;
    digest.Update(absl::StrCat("ptbxl 1\n", table_digest_, "\n"));
    for (const Row& row : rows_) {
      for (const auto& [name, files] :
           {std::pair(&row.name_100, &row.files_100), std::pair(&row.name_500, &row.files_500)}) {
        if (!files->has_value()) continue;
        ASSIGN_OR_RETURN(const std::string header, folder_.Read(absl::StrCat(*name, ".hea"), 1 << 20));
        digest.Update(absl::StrCat(*name, "\n", (*files)->signal.size, " ", header.size(), "\n", header));
      }
    }
    return digest.HexDigest();
  }

  std::string QuickKey() const override {
    Sha256 key;
    key.Update(absl::StrCat("ptbxl quick 1\n", folder_.path().string(), "\n", table_digest_, "\n"));
    for (const Row& row : rows_) {
      for (const auto& [name, files] :
           {std::pair(&row.name_100, &row.files_100), std::pair(&row.name_500, &row.files_500)}) {
        if (!files->has_value()) continue;
        const RecordFiles& found = **files;
        key.Update(absl::StrCat(*name, "\n", found.header.size, " ", found.header.modified_nanoseconds, " ",
                                found.signal.size, " ", found.signal.modified_nanoseconds, "\n"));
      }
    }
    return key.HexDigest();
  }

 private:
  bool Files(size_t row) const {
    return use_500_ ? rows_[row].files_500.has_value() : rows_[row].files_100.has_value();
  }

  SourceFolder folder_;
  DataSetInfo info_;
  std::vector<Row> rows_;
  std::string table_digest_;
  bool use_500_ = false;
  std::vector<size_t> present_;  // rows whose files are there
};

}  // namespace

absl::StatusOr<std::unique_ptr<DataSet>> OpenPtbxl(const std::filesystem::path& path, uint32_t rate) {
  ASSIGN_OR_RETURN(SourceFolder folder, SourceFolder::Open(path));
  std::string tables;
  ASSIGN_OR_RETURN(const CsvTable statements, ReadTable(folder, kStatements, &tables));
  ASSIGN_OR_RETURN(const CsvTable database, ReadTable(folder, kDatabase, &tables));
  ASSIGN_OR_RETURN(const PtbxlLabels labels, PtbxlLabels::Make(statements));
  ASSIGN_OR_RETURN(std::vector<Row> rows, ReadRows(folder, database, labels));
  DataSetInfo info;
  info.name = "ptbxl";
  info.tasks = labels.tasks();
  auto set = std::make_unique<Ptbxl>(std::move(folder), std::move(info), std::move(rows), Sha256Hex(tables));
  RETURN_IF_ERROR(set->Choose(rate));
  return set;
}

}  // namespace ecgtrain
