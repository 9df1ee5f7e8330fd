#include "worker/data/listed_data_set.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/quoted.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

class ListedDataSet final : public DataSet {
 public:
  ListedDataSet(RecordList list, std::string quick_key)
      : list_(std::move(list)), quick_key_(std::move(quick_key)) {}

  const DataSetInfo& info() const override { return list_.info; }
  size_t size() const override { return list_.records.size(); }

  absl::StatusOr<Recording> Read(size_t index) const override {
    const ListedRecord& record = list_.records[index];
    ASSIGN_OR_RETURN(Signals signals, list_.signals->Read(record.place),
                     WithContext(_, absl::StrCat("record ", Shown(record.id))));
    return Recording{record.id,    record.patient, record.fold, signals.rate, std::move(signals.millivolts),
                     record.labels};
  }

  absl::StatusOr<std::string> SourceDigest() const override {
    Sha256 digest;
    digest.Update(absl::StrCat(list_.info.name, " 1\n", Sha256Hex(list_.tables), "\n"));
    absl::flat_hash_set<absl::string_view> files;
    for (const ListedRecord& record : list_.records) {
      digest.Update(absl::StrCat(record.id, "\n", record.patient, "\n", record.fold, "\n"));
      if (files.insert(record.place.file).second)
        RETURN_IF_ERROR(list_.signals->AddIdentity(record.place, &digest));
    }
    return digest.HexDigest();
  }

  std::string QuickKey() const override { return quick_key_; }

 private:
  RecordList list_;
  std::string quick_key_;
};

absl::Status CheckRecords(const RecordList& list, const std::string& folder) {
  const auto bad = [&](const ListedRecord& record, absl::string_view problem) {
    return absl::DataLossError(absl::StrCat(folder, ", record ", Shown(record.id), ": ", problem));
  };
  absl::flat_hash_set<absl::string_view> ids;
  absl::flat_hash_map<absl::string_view, uint32_t> folds;  // by patient
  for (const ListedRecord& record : list.records) {
    if (!ids.insert(record.id).second) return bad(record, "expected each id once, found it twice");
    if (record.fold < 1 || record.fold > 10)
      return bad(record, absl::StrCat("fold: expected 1 to 10, found ", record.fold));
    const uint32_t fold = folds.emplace(record.patient, record.fold).first->second;
    if (fold != record.fold) {  // a patient on both sides of a split would flatter every score
      return bad(record, absl::StrCat("expected fold ", fold, " as in the other records of patient ",
                                      Shown(record.patient), ", found ", record.fold));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataSet>> MakeListedDataSet(RecordList list, const SourceFolder& folder) {
  const std::string path = folder.path().string();
  if (list.records.empty())
    return absl::NotFoundError(absl::StrCat("no record of type ", list.info.name, " in ", path));
  RETURN_IF_ERROR(CheckRecords(list, path));
  Sha256 key;
  key.Update(absl::StrCat(list.info.name, " quick 1\n", path, "\n", Sha256Hex(list.tables), "\n"));
  absl::flat_hash_set<std::string> files;
  for (const ListedRecord& record : list.records) {
    if (files.insert(record.place.file).second)
      RETURN_IF_ERROR(list.signals->AddQuickKey(record.place, &key));
  }
  return std::make_unique<ListedDataSet>(std::move(list), key.HexDigest());
}

}  // namespace ecgtrain
