#include "worker/data/own_data.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/data_set.h"
#include "worker/data/folds.h"
#include "worker/data/listed_data_set.h"
#include "worker/data/own_description.h"
#include "worker/data/table_cells.h"

namespace ecgtrain {
namespace {

constexpr char kDefaultName[] = "ecgtrain.yaml";

// Classes that one cell lists.
std::vector<std::string> SplitList(const std::string& cell, const std::string& separator) {
  std::vector<std::string> classes;
  for (const absl::string_view part : absl::StrSplit(cell, separator)) {
    const absl::string_view name = absl::StripAsciiWhitespace(part);
    if (!name.empty()) classes.emplace_back(name);
  }
  return classes;
}

// Turns the manifest's rows into records. Thread-compatible.
class ManifestReader {
 public:
  ManifestReader(const OwnDescription& own, const CsvTable& table, const SourceFolder& folder)
      : own_(own), table_(table), folder_(folder) {}

  absl::Status Run(RecordList* list) {
    RETURN_IF_ERROR(FindClasses());
    if (!classes_.empty()) list->info.tasks = {{"all", classes_}};
    if (own_.is_hdf5) RETURN_IF_ERROR(OpenHdf5(list));
    for (size_t row = 0; row < table_.rows(); ++row) {
      ASSIGN_OR_RETURN(std::optional<ListedRecord> record, ReadRecord(row));
      if (record) {
        list->records.push_back(*std::move(record));
      } else {
        ++list->info.skipped["file_missing"];
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status FindClasses() {
    std::set<std::string> classes(own_.label_columns.begin(), own_.label_columns.end());
    if (own_.label_list) {
      classes.insert(own_.classes.begin(), own_.classes.end());
      for (size_t row = 0; row < table_.rows() && own_.classes.empty(); ++row) {
        ASSIGN_OR_RETURN(const std::string cell, ReadText(table_, row, *own_.label_list));
        for (std::string& name : SplitList(cell, own_.separator)) classes.insert(std::move(name));
        if (classes.size() > kMaxClasses)
          return BadCell(table_, row, *own_.label_list, cell,
                         absl::StrCat("at most ", kMaxClasses, " classes in all"));
      }
    }
    if (classes.size() > kMaxClasses) {
      return absl::DataLossError(absl::StrCat((folder_.path() / own_.manifest).string(),
                                              ": labels: expected at most ", kMaxClasses, " classes, found ",
                                              classes.size()));
    }
    classes_.assign(classes.begin(), classes.end());
    return absl::OkStatus();
  }

  absl::Status OpenHdf5(RecordList* list) {
    std::set<std::string> files;
    for (size_t row = 0; row < table_.rows(); ++row) {
      ASSIGN_OR_RETURN(std::string file, ReadName(table_, row, own_.path));
      files.insert(std::move(file));
    }
    ASSIGN_OR_RETURN(std::unique_ptr<Hdf5Source> source,
                     OpenHdf5Source(folder_, {files.begin(), files.end()}, own_.hdf5));
    for (const Hdf5Source::Row& row : source->rows()) {
      if (!rows_.emplace(std::pair(row.place.file, row.id), row.place).second) {
        return absl::DataLossError(absl::StrCat((folder_.path() / row.place.file).string(),
                                                ": expected each id once, found ", Shown(row.id), " twice"));
      }
    }
    list->signals = std::move(source);
    return absl::OkStatus();
  }

  // Nothing when its signals are not there.
  absl::StatusOr<std::optional<ListedRecord>> ReadRecord(size_t row) const {
    ListedRecord record;
    ASSIGN_OR_RETURN(const std::string file, ReadName(table_, row, own_.path));
    ASSIGN_OR_RETURN(record.patient, ReadName(table_, row, own_.patient));
    ASSIGN_OR_RETURN(const std::optional<SignalPlace> place, FindPlace(row, file));
    if (!place) return std::nullopt;
    record.place = *place;
    record.id = own_.is_hdf5 ? absl::StrCat(file, ":", place->row) : file;
    if (own_.id) {
      ASSIGN_OR_RETURN(record.id, ReadName(table_, row, *own_.id));
    }
    record.fold = FoldOfPatient(record.patient);
    if (own_.fold) {
      ASSIGN_OR_RETURN(const int64_t fold, ReadWhole(table_, row, *own_.fold, 1, 10));
      record.fold = static_cast<uint32_t>(fold);
    }
    if (classes_.empty()) return record;
    ASSIGN_OR_RETURN(record.labels.emplace_back(), ReadLabels(row));
    return record;
  }

  absl::StatusOr<std::optional<SignalPlace>> FindPlace(size_t row, const std::string& file) const {
    if (own_.is_hdf5) {
      ASSIGN_OR_RETURN(const std::string key,
                       ReadName(table_, row, own_.hdf5.ids.empty() ? own_.row : *own_.id));
      const auto found = rows_.find({file, key});
      if (found == rows_.end()) return std::nullopt;
      return found->second;
    }
    const std::string record(absl::StripSuffix(file, ".hea"));
    const absl::Status found = folder_.Stat(absl::StrCat(record, ".hea")).status();
    if (absl::IsNotFound(found)) return std::nullopt;
    RETURN_IF_ERROR(WithContext(found, absl::StrCat(table_.Where(row), ", ", Shown(own_.path))));
    return SignalPlace{record};
  }

  absl::StatusOr<std::vector<bool>> ReadLabels(size_t row) const {
    std::vector<bool> labels(classes_.size());
    if (own_.label_list) {
      ASSIGN_OR_RETURN(const std::string cell, ReadText(table_, row, *own_.label_list));
      const std::vector<std::string> names = SplitList(cell, own_.separator);
      if (names.empty()) return std::vector<bool>();
      for (const std::string& name : names) {
        const auto found = std::lower_bound(classes_.begin(), classes_.end(), name);
        if (found == classes_.end() || *found != name) {
          return BadCell(table_, row, *own_.label_list, name,
                         absl::StrCat("one of ", Shown(absl::StrJoin(classes_, ", "), 400)));
        }
        labels[found - classes_.begin()] = true;
      }
      return labels;
    }
    for (size_t k = 0; k < classes_.size(); ++k) {
      ASSIGN_OR_RETURN(const std::optional<bool> flag, ReadFlag(table_, row, classes_[k]));
      if (!flag) return std::vector<bool>();  // not known, so neither with the class nor without it
      labels[k] = *flag;
    }
    return labels;
  }

  const OwnDescription& own_;
  const CsvTable& table_;
  const SourceFolder& folder_;
  std::vector<std::string> classes_;                                 // sorted
  std::map<std::pair<std::string, std::string>, SignalPlace> rows_;  // of HDF5, by file and id
};

}  // namespace

absl::StatusOr<std::unique_ptr<DataSet>> OpenOwnData(const std::filesystem::path& path, double gain) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::is_directory(path, error) ? path / kDefaultName : path;
  ASSIGN_OR_RETURN(const SourceFolder folder,
                   SourceFolder::Open(file.has_parent_path() ? file.parent_path() : "."));
  ASSIGN_OR_RETURN(const std::string text, folder.Read(file.filename().string(), 1 << 20));
  ASSIGN_OR_RETURN(OwnDescription own, ParseOwnDescription(text, file.string()));
  own.hdf5.gain *= gain;
  RecordList list{.info = {.name = "own"}, .tables = absl::StrCat("gain ", gain, "\n", text, "\n")};
  ASSIGN_OR_RETURN(const CsvTable table, ReadTable(folder, own.manifest, &list.tables));
  if (!own.is_hdf5) {
    ASSIGN_OR_RETURN(SourceFolder again, SourceFolder::Open(folder.path()));
    list.signals = MakeWfdbSource(std::move(again));
  }
  RETURN_IF_ERROR(ManifestReader(own, table, folder).Run(&list));
  return MakeListedDataSet(std::move(list), folder);
}

}  // namespace ecgtrain
