// Which records of a pack a training uses: folds, labels, and the share of the patients. No LibTorch here.
#ifndef ECGTRAIN_WORKER_TRAIN_RECORD_SET_H_
#define ECGTRAIN_WORKER_TRAIN_RECORD_SET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/data/pack.h"

namespace ecgtrain {

// Indices into a pack, ascending.
using RecordSet = std::vector<size_t>;

struct TrainingRecords {
  RecordSet training;
  RecordSet validation;
  RecordSet test;
};

// One CSV line a record: its id, its patient, and train, validation or test.
std::string SplitsCsv(const Pack& pack, const TrainingRecords& records);

// The records of `folds`; with a label task only those that carry labels of it. USER_ERROR (failure.h),
// naming `purpose` and the folds that the pack has, where there is none.
absl::StatusOr<RecordSet> SelectFolds(const Pack& pack, absl::Span<const uint32_t> folds,
                                      std::optional<size_t> task, absl::string_view purpose);

// The records of a share of the patients, at least one patient. A smaller share is part of every larger one.
RecordSet TakePatients(const Pack& pack, const RecordSet& records, double fraction, uint64_t seed);

// The order in which an epoch visits `records`: a permutation that depends on seed and epoch alone.
RecordSet EpochOrder(const RecordSet& records, uint64_t seed, uint64_t epoch);

// Position of a label task in the pack; USER_ERROR naming the tasks the pack has.
absl::StatusOr<size_t> FindTask(const Pack& pack, absl::string_view name);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_RECORD_SET_H_
