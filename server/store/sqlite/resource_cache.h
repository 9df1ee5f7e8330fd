// What queued jobs want of a machine, remembered between reads: a specification never changes, and reading
// ten thousand of them costs more than all the rest of a scheduler's pass.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_RESOURCE_CACHE_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_RESOURCE_CACHE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/mutex.h"
#include "ecgtrain/v1/spec.pb.h"

namespace ecgtrain {

// Thread-safe. For committed rows only: a number whose transaction is rolled back is given again.
class ResourceCache {
 public:
  // Shared by the readers that look at it at the same time; never changed.
  using Entries = absl::flat_hash_map<int64_t, v1::ResourceSpec>;

  std::shared_ptr<const Entries> Get() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return entries_;
  }
  // Takes the place of what was there: the jobs of the latest read, so that it is no larger than the queue.
  void Put(std::shared_ptr<const Entries> entries) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    entries_ = std::move(entries);
  }

 private:
  Mutex mutex_;
  std::shared_ptr<const Entries> entries_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Entries>();
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_RESOURCE_CACHE_H_
