// The queue as it was last read. A job whose row has the same version since is not read again: reading ten
// thousand of them costs more than all the rest of a scheduler's pass.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_QUEUE_CACHE_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_QUEUE_CACHE_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "server/store/queued_job.h"

namespace ecgtrain {

// Thread-safe. For committed rows only: a transaction that is rolled back gives numbers and versions that
// are given again.
class QueueCache {
 public:
  struct Entry {
    int64_t priority = 0;
    int64_t version = 0;
    std::shared_ptr<const QueuedJob> job;  // shared with the answers of reads
  };
  // In the order of the queue: priority high to low, then number.
  using Entries = std::vector<Entry>;

  // Shared by the readers that look at it at the same time; never changed, never null.
  std::shared_ptr<const Entries> Get() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return entries_;
  }
  // Takes the place of what was there, so that it is no larger than the queue.
  void Put(std::shared_ptr<const Entries> entries) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    entries_ = std::move(entries);
  }

 private:
  Mutex mutex_;
  std::shared_ptr<const Entries> entries_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Entries>();
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_QUEUE_CACHE_H_
