// Registration and heartbeats of workers.
#ifndef ECGTRAIN_SERVER_COORDINATOR_WORKER_SESSIONS_H_
#define ECGTRAIN_SERVER_COORDINATOR_WORKER_SESSIONS_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "server/coordinator/leases.h"
#include "server/coordinator/mutation.h"
#include "server/coordinator/reconcile.h"

namespace ecgtrain {

// Thread-safe.
class WorkerSessions {
 public:
  WorkerSessions(MutationRunner& runner, Leases& leases, absl::Duration stop_grace)
      : runner_(runner), leases_(leases), stop_grace_(stop_grace) {}

  // Opens a session, which ends the one before. Attempts stay as they are: the request may be a late or
  // doubled one, of a process that is gone; only a beat of the new session proves who asked.
  // ALREADY_EXISTS when a reachable worker on another host has the name; INVALID_ARGUMENT.
  void Register(const v1::RegisterWorkerRequest& request, Reply<v1::RegisterWorkerResponse> reply);

  // Takes a beat in. FAILED_PRECONDITION (register first) for one of another session: sessions end with the
  // coordinator, because nobody remembers the number of their last beat. INVALID_ARGUMENT. False: an old
  // beat, to be answered at once and empty.
  absl::StatusOr<bool> Accept(const v1::HeartbeatRequest& request);

  // What there is to say to a beat that was accepted; nullopt while there is no news and `must_answer` is not
  // set. Ends, in a transaction of its own, attempts that the worker has lost (only on the first look:
  // `arrived`). Errors are the store's.
  absl::StatusOr<std::optional<v1::HeartbeatResponse>> Answer(const v1::HeartbeatRequest& request,
                                                              bool arrived, bool must_answer);

 private:
  bool HasNews(const std::string& worker, const Reconciliation& orders);
  absl::StatusOr<v1::HeartbeatResponse> Respond(StoreReader& reader, const Reconciliation& orders);

  MutationRunner& runner_;
  Leases& leases_;
  const absl::Duration stop_grace_;
  Mutex mutex_;
  std::map<std::string, ToldOrders> told_ ABSL_GUARDED_BY(mutex_);  // by worker
};

// INVALID_ARGUMENT unless the name is an identifier of at most 63 bytes.
absl::Status CheckWorkerName(absl::string_view name);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_WORKER_SESSIONS_H_
