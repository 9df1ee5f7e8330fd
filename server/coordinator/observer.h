// What happened, told after the commit to whoever counts it (telemetry). Every method does nothing by
// default.
#ifndef ECGTRAIN_SERVER_COORDINATOR_OBSERVER_H_
#define ECGTRAIN_SERVER_COORDINATOR_OBSERVER_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

// Implementations are thread-safe and quick: they are called on the store's writer thread.
class Observer {
 public:
  virtual ~Observer() = default;

  // `result`: accepted, replayed, conflict or invalid; once a job.
  virtual void OnSubmission(absl::string_view /*kind*/, absl::string_view /*result*/) {}
  virtual void OnTransition(v1::JobState /*from*/, v1::JobState /*to*/) {}
  virtual void OnAttemptLeased(const v1::Job& /*job*/, absl::Duration /*waited*/) {}
  virtual void OnAttemptEnded(absl::string_view /*kind*/, v1::EndReason /*reason*/) {}
  virtual void OnJobEnded(const v1::Job& /*job*/) {}
  virtual void OnSchedulerPass(absl::Duration /*took*/) {}
  virtual void OnStaleToken(absl::string_view /*method*/) {}
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_OBSERVER_H_
