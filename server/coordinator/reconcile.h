// The answer to a heartbeat, as a pure function of what the store says and what the worker holds.
//
// Sets, not events: whatever was lost, doubled, late or out of order on the way, the next beat states
// everything again.
#ifndef ECGTRAIN_SERVER_COORDINATOR_RECONCILE_H_
#define ECGTRAIN_SERVER_COORDINATOR_RECONCILE_H_

#include <map>
#include <vector>

#include "ecgtrain/v1/worker_service.pb.h"

namespace ecgtrain {

// A live attempt of the worker, with the stop that its job is asked for.
struct LiveAttempt {
  v1::Attempt attempt;
  v1::StopRequest stop = v1::STOP_NONE;
  bool stop_now = false;
};

struct Reconciliation {
  std::vector<v1::Attempt> start;
  std::vector<v1::StopOrder> stop;
  std::vector<v1::AttemptRef> forget;
  // Not held, and either RUNNING here (the worker has lost it) or asked to stop before it was started: to be
  // ended.
  std::vector<v1::Attempt> lost;
};

Reconciliation Reconcile(const std::vector<LiveAttempt>& live, const std::vector<v1::HeldAttempt>& held);

// What a worker has been told, so that a held call ends early for news only. An order that had no effect is
// repeated with each answer, but does not hasten it. Thread-compatible.
class ToldOrders {
 public:
  // Whether the reconciliation holds anything not told yet.
  bool HasNews(const Reconciliation& orders) const;
  // Remembers all of it, and nothing else: what is settled is forgotten.
  void Remember(const Reconciliation& orders);

 private:
  // Token to a number that stands for the order.
  static std::map<int64_t, int> Digest(const Reconciliation& orders);
  std::map<int64_t, int> told_;
};

v1::AttemptRef RefOf(const v1::Attempt& attempt);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_RECONCILE_H_
