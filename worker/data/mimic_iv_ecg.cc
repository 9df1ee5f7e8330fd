#include "worker/data/mimic_iv_ecg.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/data/folds.h"
#include "worker/data/listed_data_set.h"
#include "worker/data/table_cells.h"

namespace ecgtrain {

absl::StatusOr<std::unique_ptr<DataSet>> OpenMimicIvEcg(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(SourceFolder folder, SourceFolder::Open(path));
  RecordList list{.info = {.name = "mimic-iv-ecg", .source_rate = 500}};
  ASSIGN_OR_RETURN(const CsvTable table, ReadTable(folder, "record_list.csv", &list.tables));
  for (size_t row = 0; row < table.rows(); ++row) {
    ListedRecord record;
    ASSIGN_OR_RETURN(record.id, ReadName(table, row, "study_id"));
    ASSIGN_OR_RETURN(record.patient, ReadName(table, row, "subject_id"));
    ASSIGN_OR_RETURN(record.place.file, ReadName(table, row, "path"));
    record.fold = FoldOfPatient(record.patient);
    const absl::Status found = folder.Stat(absl::StrCat(record.place.file, ".hea")).status();
    if (absl::IsNotFound(found)) {
      ++list.info.skipped["file_missing"];
      continue;
    }
    RETURN_IF_ERROR(WithContext(found, table.Where(row)));
    list.records.push_back(std::move(record));
  }
  ASSIGN_OR_RETURN(SourceFolder own, SourceFolder::Open(path));
  list.signals = MakeWfdbSource(std::move(own));
  return MakeListedDataSet(std::move(list), folder);
}

}  // namespace ecgtrain
