#include "worker/train/record_set.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/nearest_name.h"
#include "worker/model/counter_random.h"
#include "worker/train/artifact.h"
#include "worker/train/failure.h"

namespace ecgtrain {

std::string SplitsCsv(const Pack& pack, const TrainingRecords& records) {
  std::string text = "record,patient,split\n";
  const auto add = [&](const RecordSet& set, absl::string_view split) {
    for (const size_t index : set) {
      const PackRecord record = pack.record(index);
      absl::StrAppend(&text, CsvField(record.id), ",", CsvField(record.patient), ",", split, "\n");
    }
  };
  add(records.training, "train");
  add(records.validation, "validation");
  add(records.test, "test");
  return text;
}

absl::StatusOr<RecordSet> SelectFolds(const Pack& pack, absl::Span<const uint32_t> folds,
                                      std::optional<size_t> task, absl::string_view purpose) {
  RecordSet records;
  std::set<uint32_t> usable;
  for (size_t i = 0; i < pack.size(); ++i) {
    if (task.has_value() && pack.labels(i, *task).empty()) continue;
    const uint32_t fold = pack.record(i).fold;
    usable.insert(fold);
    if (std::find(folds.begin(), folds.end(), fold) != folds.end()) records.push_back(i);
  }
  if (!records.empty()) return records;
  return Failure(
      run_directory::ExitReason::kUserError,
      absl::StrCat("folds.", purpose, " [", absl::StrJoin(folds, ", "), "] of data set ", pack.info().dataset,
                   " hold no record", task.has_value() ? " with labels of this task" : "",
                   "; the set has folds [", absl::StrJoin(usable, ", "), "]"));
}

RecordSet TakePatients(const Pack& pack, const RecordSet& records, double fraction, uint64_t seed) {
  if (fraction >= 1) return records;
  std::map<std::string, uint64_t> draws;  // by patient
  const RandomStream stream(seed, RandomPurpose::kLabelFraction);
  for (const size_t record : records) {
    const std::string patient = pack.record(record).patient;
    draws.emplace(patient, stream.Bits(HashText(patient)));
  }
  std::vector<std::pair<uint64_t, std::string>> order;
  for (const auto& [patient, draw] : draws) order.emplace_back(draw, patient);
  std::sort(order.begin(), order.end());
  const auto share = static_cast<size_t>(std::llround(fraction * static_cast<double>(order.size())));
  order.resize(std::max<size_t>(share, 1));
  std::set<std::string> taken;
  for (const auto& [draw, patient] : order) taken.insert(patient);
  RecordSet result;
  for (const size_t record : records) {
    if (taken.contains(pack.record(record).patient)) result.push_back(record);
  }
  return result;
}

RecordSet EpochOrder(const RecordSet& records, uint64_t seed, uint64_t epoch) {
  const RandomStream stream(seed, RandomPurpose::kSampleOrder, epoch);
  RecordSet order = records;
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.Below(i, i)]);
  return order;
}

absl::StatusOr<size_t> FindTask(const Pack& pack, absl::string_view name) {
  std::vector<std::string> known;
  for (size_t i = 0; i < pack.info().tasks.size(); ++i) {
    if (pack.info().tasks[i].name == name) return i;
    known.push_back(pack.info().tasks[i].name);
  }
  return Failure(run_directory::ExitReason::kUserError,
                 absl::StrCat("data set ", pack.info().dataset, " has no label task \"", name, "\"",
                              DidYouMean(name, known)));
}

}  // namespace ecgtrain
