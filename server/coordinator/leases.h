// Who has been heard of, and when: the judgement that a worker is unreachable or its lease has lapsed.
//
// Times are those of the monotonic clock, and every worker counts as heard of when the coordinator starts:
// nothing lapses because the coordinator was away, because the host slept, or because somebody set the wall
// clock. This is the one thing about workers that is not in the store: after a restart it begins anew.
#ifndef ECGTRAIN_SERVER_COORDINATOR_LEASES_H_
#define ECGTRAIN_SERVER_COORDINATOR_LEASES_H_

#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace ecgtrain {

struct LeaseOptions {
  absl::Duration unreachable_after = absl::Seconds(30);
  absl::Duration lease = absl::Minutes(5);
};

// Thread-safe.
class Leases {
 public:
  Leases(Clock& clock, LeaseOptions options);

  // A registration: the session whose beats count from now on.
  void Register(absl::string_view worker, absl::string_view session);

  enum class Beat {
    kCounts,
    kOld,      // a beat that is not above the last one: answered, counts for nothing
    kUnknown,  // of another session, or of none since the start of the coordinator
  };
  Beat Heard(absl::string_view worker, absl::string_view session, uint64_t beat);

  // A sign of life that is no heartbeat: a report, a chunk of an upload.
  void Heard(absl::string_view worker);

  // Heard of since the start of the coordinator and less than `unreachable_after` ago.
  bool IsReachable(absl::string_view worker) const;
  // How long it has been heard of without a gap; zero when it is not reachable.
  absl::Duration ReachableFor(absl::string_view worker) const;
  // Not heard of for `unreachable_after` or longer.
  bool IsOverdue(absl::string_view worker) const;
  // Not heard of for `lease` or longer.
  bool HasLapsed(absl::string_view worker) const;
  // Wall time, for display.
  std::optional<absl::Time> LastHeard(absl::string_view worker) const;

  const LeaseOptions& options() const { return options_; }

 private:
  struct Entry {
    std::string session;
    uint64_t beat = 0;
    absl::Duration heard;
    absl::Time heard_wall;
    absl::Duration reachable_since;
  };
  void Hear(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration SilentFor(absl::string_view worker) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Clock& clock_;
  const LeaseOptions options_;
  const absl::Duration start_;
  mutable Mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_LEASES_H_
