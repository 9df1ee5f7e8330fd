// A few read-only connections, lent to one thread at a time.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_READER_POOL_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_READER_POOL_H_

#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "server/store/job_store.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/queue_cache.h"

namespace ecgtrain {

// Thread-safe.
class ReaderPool {
 public:
  static absl::StatusOr<std::unique_ptr<ReaderPool>> Open(const Connection::Options& options, int connections,
                                                          Clock& clock);

  // Runs `work` in a read transaction. UNAVAILABLE when no connection became free for two seconds, or when a
  // query runs longer than that: a long read keeps the write-ahead log from being emptied.
  absl::Status Read(absl::FunctionRef<absl::Status(StoreReader&)> work) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  explicit ReaderPool(Clock& clock) : clock_(clock) {}
  absl::StatusOr<std::unique_ptr<Connection>> Borrow(absl::Duration deadline) ABSL_LOCKS_EXCLUDED(mutex_);
  void Return(std::unique_ptr<Connection> connection) ABSL_LOCKS_EXCLUDED(mutex_);

  Clock& clock_;
  QueueCache cache_;
  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<Connection>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_READER_POOL_H_
