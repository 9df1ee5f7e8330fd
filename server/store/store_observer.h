// What a store tells about itself while it works.
#ifndef ECGTRAIN_SERVER_STORE_STORE_OBSERVER_H_
#define ECGTRAIN_SERVER_STORE_STORE_OBSERVER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace ecgtrain {

struct CommitStatistics {
  absl::Duration work;    // running the transactions of the group
  absl::Duration commit;  // making them durable
  size_t transactions = 0;
  size_t queue_depth = 0;  // what waited when the group was done
  absl::Status status;
};

// Called on the store's own threads: must be thread-safe and must not block or call the store.
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;

  // After every group, committed or not.
  virtual void OnCommit(const CommitStatistics& statistics) = 0;

  // At most once: a sync failed or the file is damaged, so what the store knows cannot be believed any more.
  // All later writes are answered UNAVAILABLE; the process has to end and open the database anew.
  virtual void OnFatal(const absl::Status& status) = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_STORE_OBSERVER_H_
