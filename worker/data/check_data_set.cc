#include "worker/data/check_data_set.h"

#include <utility>

#include "absl/status/statusor.h"
#include "worker/data/parallel.h"

namespace ecgtrain {
namespace {

struct Finding {
  absl::Status status;
  PreparedRecording prepared;
};

void CheckRecord(const DataSet& set, size_t index, Preparer& preparer, Finding& finding) {
  absl::StatusOr<Recording> recording = set.Read(index);
  finding.status = recording.ok() ? preparer.Prepare(*recording, finding.prepared) : recording.status();
}

}  // namespace

DataSetCheck CheckDataSet(const DataSet& set, const PreparationOptions& preparation, int threads) {
  const size_t thread_count = ThreadCount(threads);
  std::vector<Preparer> preparers(thread_count, Preparer(preparation));
  std::vector<Finding> findings(SlotCount(thread_count));
  DataSetCheck check;
  check.records = set.size();
  check.left_out = set.info().skipped;
  const absl::Status done = RunInOrder(
      set.size(), thread_count,
      [&](size_t index, size_t thread, size_t slot) {
        CheckRecord(set, index, preparers[thread], findings[slot]);
      },
      [&](size_t, size_t slot) {
        Finding& finding = findings[slot];
        if (!finding.status.ok()) {
          check.damaged.push_back(std::move(finding.status));
        } else if (!finding.prepared.skip_reason.empty()) {
          ++check.left_out[finding.prepared.skip_reason];
        } else {
          for (const std::string& name : NamesOf(finding.prepared.flaws)) ++check.flagged[name];
        }
        return absl::OkStatus();
      });
  done.IgnoreError();  // taking a result never fails
  return check;
}

}  // namespace ecgtrain
