#include "worker/data/check_data_set.h"

#include "absl/status/statusor.h"
#include "worker/data/parallel.h"
#include "worker/data/preparation.h"

namespace ecgtrain {
namespace {

struct Finding {
  absl::Status status;
  std::string reason;
};

Finding CheckRecord(const DataSet& set, size_t index) {
  const absl::StatusOr<Recording> recording = set.Read(index);
  if (!recording.ok()) return {recording.status(), ""};
  return {CheckRate(*recording), SkipReason(*recording)};
}

}  // namespace

DataSetCheck CheckDataSet(const DataSet& set, int threads) {
  std::vector<Finding> findings(set.size());
  RunInParallel(set.size(), ThreadCount(threads), [&](size_t i) { findings[i] = CheckRecord(set, i); });
  DataSetCheck check;
  check.records = set.size();
  check.left_out = set.info().skipped;
  for (Finding& finding : findings) {
    if (!finding.status.ok()) {
      check.damaged.push_back(std::move(finding.status));
    } else if (!finding.reason.empty()) {
      ++check.left_out[finding.reason];
    }
  }
  return check;
}

}  // namespace ecgtrain
