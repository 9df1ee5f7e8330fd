// The one thread that writes: takes transactions from a bounded queue and commits those that wait as a group.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_WRITER_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_WRITER_H_

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "server/store/job_store.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/sqlite_transaction.h"
#include "server/store/store_observer.h"

namespace ecgtrain {

// Thread-safe.
//
// A group is BEGIN IMMEDIATE, each work in a SAVEPOINT of its own, COMMIT: at most 256 works or 5 ms of them,
// without waiting for more. A work that fails is rolled back alone. When the group itself fails, every member
// gets UNAVAILABLE; for a full disk room is made where there is some to be made, and each is tried once more
// alone, so that small transactions succeed where a large one cannot, and gets RESOURCE_EXHAUSTED when it
// still does not fit.
class Writer {
 public:
  // `observer` may be null, `make_room` empty (SqliteOptions).
  Writer(std::unique_ptr<Connection> connection, Clock& clock, StoreObserver* observer,
         std::function<bool()> make_room);
  // Ends after all accepted work is done.
  ~Writer();

  void Write(JobStore::Work work, JobStore::Done done) ABSL_LOCKS_EXCLUDED(mutex_);

  // Refuses all work from now on, with UNAVAILABLE, and tells the observer. Only the first call has an
  // effect.
  void Fail(const absl::Status& reason) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Item {
    JobStore::Work work;
    JobStore::Done done;
    absl::Status status;
  };
  struct Outcome {
    size_t works = 0;     // of the front of what was given
    absl::Status status;  // an error: none of them took effect
  };

  void Loop();
  // What waits, at most 256; empty when the writer is to end.
  std::vector<Item> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  // Runs and answers a group from the front of `items`; the number of works in it.
  size_t RunGroup(absl::Span<Item> items);
  Outcome RunTransaction(absl::Span<Item> items, CommitStatistics& statistics);
  // An error means that the whole transaction is lost.
  absl::Status RunInSavepoint(Item& item);
  // Ends a transaction that is lost, and says what to answer.
  absl::Status RollBack(const absl::Status& reason);
  void CheckpointWhenIdle();
  absl::Status Failure() ABSL_LOCKS_EXCLUDED(mutex_);
  size_t QueueDepth() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::unique_ptr<Connection> connection_;
  Clock& clock_;
  StoreObserver* const observer_;
  const std::function<bool()> make_room_;
  SqliteTransaction transaction_;
  bool log_is_dirty_ = false;  // bound to the writer thread

  Mutex mutex_;
  CondVar changed_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_WRITER_H_
