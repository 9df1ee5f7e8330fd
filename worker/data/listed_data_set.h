// A data set that was read from tables: a list of records, each with its labels and the place of its signals.
// What all adapters but PTB-XL's and the synthetic one make.
#ifndef ECGTRAIN_WORKER_DATA_LISTED_DATA_SET_H_
#define ECGTRAIN_WORKER_DATA_LISTED_DATA_SET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/data_set.h"
#include "worker/data/signal_source.h"

namespace ecgtrain {

struct ListedRecord {
  std::string id;
  std::string patient;
  uint32_t fold = 0;
  std::vector<std::vector<bool>> labels;  // by task; empty where the record has no label of it
  SignalPlace place;
};

struct RecordList {
  DataSetInfo info;
  std::vector<ListedRecord> records;
  std::unique_ptr<SignalSource> signals;
  // Content of the tables and settings that the records come from: part of both digests.
  std::string tables;
};

// `folder` stands in messages and in the quick key. DATA_LOSS when two records
// have the same id, a patient has records in several folds or a fold is not 1 to 10; NOT_FOUND when there is
// none.
absl::StatusOr<std::unique_ptr<DataSet>> MakeListedDataSet(RecordList list, const SourceFolder& folder);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_LISTED_DATA_SET_H_
