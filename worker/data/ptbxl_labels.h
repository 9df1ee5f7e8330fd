// The six label sets of PTB-XL, made from scp_statements.csv (see ptbxl.h for the rule).
#ifndef ECGTRAIN_WORKER_DATA_PTBXL_LABELS_H_
#define ECGTRAIN_WORKER_DATA_PTBXL_LABELS_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/csv.h"
#include "worker/data/pack.h"

namespace ecgtrain {

// Immutable after Make: thread-safe.
class PtbxlLabels {
 public:
  // From the table scp_statements.csv. DATA_LOSS naming the line when a cell does not fit, a code is there
  // twice or there are more than kMaxClasses.
  static absl::StatusOr<PtbxlLabels> Make(const CsvTable& statements);

  const std::vector<PackTask>& tasks() const { return tasks_; }

  // Labels by task for the cell scp_codes. DATA_LOSS for a malformed literal or a code that is no statement.
  absl::StatusOr<std::vector<std::vector<bool>>> Read(absl::string_view scp_codes) const;

 private:
  struct Label {
    size_t task;
    size_t index;
  };
  std::vector<PackTask> tasks_;
  absl::flat_hash_map<std::string, std::vector<Label>> labels_;  // by statement
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PTBXL_LABELS_H_
