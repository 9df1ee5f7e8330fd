#include "worker/data/code_family.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/data/folds.h"
#include "worker/data/listed_data_set.h"
#include "worker/data/table_cells.h"

namespace ecgtrain {
namespace {

const PackTask& SixAbnormalities() {
  static const auto* const task = new PackTask{"all", {"1dAVb", "AF", "LBBB", "RBBB", "SB", "ST"}};
  return *task;
}

// Nothing where a class is not known: a record that may have it must count neither as one that has nor as one
// that lacks it.
absl::StatusOr<std::vector<bool>> ReadLabels(const CsvTable& table, size_t row, const PackTask& task) {
  std::vector<bool> labels;
  bool known = true;
  for (const std::string& column : task.classes) {
    ASSIGN_OR_RETURN(const std::optional<bool> flag, ReadFlag(table, row, column));
    known = known && flag.has_value();
    labels.push_back(flag.value_or(false));
  }
  return known ? labels : std::vector<bool>();
}

// Tells the reading of one source with one gain from that with another.
std::string GainLine(double gain) { return absl::StrCat("gain ", gain, "\n"); }

// Rows of a table by the id in a column.
absl::StatusOr<absl::flat_hash_map<std::string, size_t>> RowsById(const CsvTable& table,
                                                                  absl::string_view column) {
  absl::flat_hash_map<std::string, size_t> rows;
  for (size_t row = 0; row < table.rows(); ++row) {
    ASSIGN_OR_RETURN(const int64_t id, ReadWhole(table, row, column, 0, 1e15));
    if (!rows.emplace(absl::StrCat(id), row).second)
      return BadCell(table, row, column, absl::StrCat(id), "each id once");
  }
  return rows;
}

absl::Status ExpectAsManyRows(const CsvTable& table, const Hdf5Source& source,
                              const std::filesystem::path& path) {
  if (table.rows() == source.rows().size()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path.string(),
                                          ": expected as many rows in the table as in the HDF5 file, which "
                                          "are joined by row, found ",
                                          table.rows(), " and ", source.rows().size()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataSet>> OpenCode(const char* name, const std::filesystem::path& path,
                                                  double gain) {
  ASSIGN_OR_RETURN(const SourceFolder folder, SourceFolder::Open(path));
  RecordList list{.info = {.name = name, .tasks = {SixAbnormalities()}, .source_rate = 400},
                  .tables = GainLine(gain)};
  ASSIGN_OR_RETURN(const CsvTable exams, ReadTable(folder, "exams.csv", &list.tables));
  ASSIGN_OR_RETURN(const auto rows, RowsById(exams, "exam_id"));
  ASSIGN_OR_RETURN(const std::vector<std::string> files, folder.List(".hdf5"));
  ASSIGN_OR_RETURN(std::unique_ptr<Hdf5Source> source,
                   OpenHdf5Source(folder, files, {.ids_required = true, .gain = gain}));
  uint64_t not_in_table = 0;
  for (const Hdf5Source::Row& exam : source->rows()) {
    const auto row = rows.find(exam.id);
    if (row == rows.end()) {
      not_in_table += exam.id != "0";
      continue;
    }
    ListedRecord record{.id = exam.id, .place = exam.place};
    ASSIGN_OR_RETURN(const int64_t patient, ReadWhole(exams, row->second, "patient_id", 0, 1e15));
    record.patient = absl::StrCat(patient);
    record.fold = FoldOfPatient(record.patient);
    ASSIGN_OR_RETURN(record.labels.emplace_back(), ReadLabels(exams, row->second, list.info.tasks[0]));
    list.records.push_back(std::move(record));
  }
  if (not_in_table > 0) list.info.skipped["not_in_table"] = not_in_table;
  // Two rows of the same exam are found below; until then this is the number of exams that are there.
  if (list.records.size() < exams.rows())
    list.info.skipped["file_missing"] = exams.rows() - list.records.size();
  list.signals = std::move(source);
  return MakeListedDataSet(std::move(list), folder);
}

absl::StatusOr<std::unique_ptr<DataSet>> OpenCodeTest(const std::filesystem::path& path, double gain) {
  ASSIGN_OR_RETURN(SourceFolder folder, SourceFolder::Open(path));
  if (absl::IsNotFound(folder.Stat("ecg_tracings.hdf5").status()) &&
      std::filesystem::is_directory(path / "data")) {
    ASSIGN_OR_RETURN(folder, SourceFolder::Open(path / "data"));
  }
  RecordList list{.info = {.name = "code-test", .tasks = {SixAbnormalities()}, .source_rate = 400},
                  .tables = GainLine(gain)};
  ASSIGN_OR_RETURN(const CsvTable gold, ReadTable(folder, "annotations/gold_standard.csv", &list.tables));
  ASSIGN_OR_RETURN(std::unique_ptr<Hdf5Source> source,
                   OpenHdf5Source(folder, {"ecg_tracings.hdf5"}, {.ids = "", .gain = gain}));
  RETURN_IF_ERROR(ExpectAsManyRows(gold, *source, folder.path()));
  for (size_t row = 0; row < gold.rows(); ++row) {
    ListedRecord record{
        .id = absl::StrCat("code-test-", row), .fold = 10, .place = source->rows()[row].place};
    record.patient = record.id;
    ASSIGN_OR_RETURN(record.labels.emplace_back(), ReadLabels(gold, row, list.info.tasks[0]));
    list.records.push_back(std::move(record));
  }
  list.signals = std::move(source);
  return MakeListedDataSet(std::move(list), folder);
}

absl::StatusOr<std::unique_ptr<DataSet>> OpenSamiTrop(const std::filesystem::path& path, double gain) {
  ASSIGN_OR_RETURN(const SourceFolder folder, SourceFolder::Open(path));
  RecordList list{.info = {.name = "sami-trop", .tasks = {{"all", {"normal_ecg"}}}, .source_rate = 400},
                  .tables = GainLine(gain)};
  ASSIGN_OR_RETURN(const CsvTable exams, ReadTable(folder, "exams.csv", &list.tables));
  ASSIGN_OR_RETURN(const auto rows, RowsById(exams, "exam_id"));
  ASSIGN_OR_RETURN(std::unique_ptr<Hdf5Source> source,
                   OpenHdf5Source(folder, {"exams.hdf5"}, {.gain = gain}));
  if (!source->has_ids()) RETURN_IF_ERROR(ExpectAsManyRows(exams, *source, folder.path()));
  for (size_t at = 0; at < source->rows().size(); ++at) {
    const Hdf5Source::Row& exam = source->rows()[at];
    size_t row = at;
    if (source->has_ids()) {
      const auto found = rows.find(exam.id);
      if (found == rows.end()) continue;
      row = found->second;
    }
    ASSIGN_OR_RETURN(const int64_t id, ReadWhole(exams, row, "exam_id", 0, 1e15));
    ListedRecord record{.id = absl::StrCat(id), .patient = absl::StrCat(id), .place = exam.place};
    record.fold = FoldOfPatient(record.patient);
    ASSIGN_OR_RETURN(record.labels.emplace_back(), ReadLabels(exams, row, list.info.tasks[0]));
    list.records.push_back(std::move(record));
  }
  list.signals = std::move(source);
  return MakeListedDataSet(std::move(list), folder);
}

}  // namespace ecgtrain
