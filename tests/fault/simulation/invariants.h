// What must hold at every moment of every history (service.md T4), checked after each step that has committed
// something; and what must hold at its end.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_INVARIANTS_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_INVARIANTS_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/artifacts/artifact_store.h"
#include "server/store/job_store.h"
#include "tests/fault/simulation/ledger.h"

namespace ecgtrain::simulation {

// All rows that the invariants speak of.
struct StoreView {
  struct JobRows {
    v1::Job job;  // without specification
    std::vector<v1::Attempt> attempts;
    std::vector<v1::Checkpoint> checkpoints;
    bool looked_at = false;  // in this view; else attempts and checkpoints are of an earlier one
  };
  std::map<int64_t, JobRows> jobs;
  std::vector<v1::JobEvent> events;  // since the last view
};

// Bound to one thread. A finding is told once; nothing is checked behind it.
class Invariants {
 public:
  // `is_held` tells whether the worker still has all it needs of a live attempt.
  Invariants(const Ledger& ledger, std::function<bool(const v1::Attempt&)> is_held,
             std::function<void(const std::string&)> broken)
      : ledger_(ledger), is_held_(std::move(is_held)), broken_(std::move(broken)) {}

  void Check(JobStore& store, ArtifactStore& artifacts, absl::Time now);
  // All faults are over and everything had time to settle.
  void CheckEnd(JobStore& store, ArtifactStore& artifacts, absl::Time now);
  // And the sweeps had time, too.
  void CheckSwept(JobStore& store, ArtifactStore& artifacts);

  bool AllEnded() const;
  const StoreView& view() const { return view_; }
  int64_t checks() const { return checks_; }

 private:
  // A job as its events tell it.
  struct Folded {
    v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
    v1::EndReason reason = v1::END_REASON_UNSPECIFIED;
    uint32_t attempts = 0;
    int requeues = 0;
    std::string last_type;
  };
  // What a job had at the last look.
  struct Seen {
    uint32_t attempts = 0;
    int requeues = 0;
    std::string resume_from;  // where the next attempt has to start
    uint64_t last_step = 0;   // stored since the last requeue
  };

  absl::Status Read(JobStore& store, bool all);
  void Fold();
  void Fold(const v1::JobEvent& event);
  void CheckSubmissions();
  void CheckRows(const StoreView::JobRows& rows);
  void CheckAttempts(const StoreView::JobRows& rows);
  void CheckUsage(const StoreView::JobRows& rows);
  void CheckEndedAttempt(const v1::Attempt& attempt);
  void CheckTokensAndDevices();
  void CheckCheckpoints(const StoreView::JobRows& rows);
  void CheckNewAttempt(const StoreView::JobRows& rows, const Seen& before);
  void CheckOrder(const StoreView::JobRows& started, absl::Time now);
  bool CouldStart(const StoreView::JobRows& rows, const v1::Attempt& instead_of, absl::Time now) const;
  void CheckFiles(ArtifactStore& artifacts);
  void CheckRightEnd(JobStore& store, const StoreView::JobRows& rows);
  void Require(bool holds, const std::string& finding) {
    if (!holds) broken_(finding);
  }

  const Ledger& ledger_;
  const std::function<bool(const v1::Attempt&)> is_held_;
  const std::function<void(const std::string&)> broken_;
  StoreView view_;
  int64_t last_seq_ = 0;
  int64_t checks_ = 0;
  std::map<int64_t, Folded> folded_;
  std::map<int64_t, Seen> seen_;
  std::map<std::pair<int64_t, uint32_t>, v1::Attempt> ended_;  // as they ended
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_INVARIANTS_H_
