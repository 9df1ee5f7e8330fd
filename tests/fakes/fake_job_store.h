// JobStore in memory, for tests of what stands above it. Passes the same contract suite as the real one.
#ifndef ECGTRAIN_TESTS_FAKES_FAKE_JOB_STORE_H_
#define ECGTRAIN_TESTS_FAKES_FAKE_JOB_STORE_H_

#include <memory>

#include "common/clock.h"
#include "common/mutex.h"
#include "server/store/job_store.h"

namespace ecgtrain {

struct FakeJobStoreState;

// Thread-safe. Work and `done` run on the calling thread before Write returns; a read sees the state of its
// start. Each write copies the state: meant for hundreds of rows, not for millions.
class FakeJobStore final : public JobStore {
 public:
  explicit FakeJobStore(Clock& clock);
  ~FakeJobStore() override;

  void Write(Work work, Done done) override ABSL_LOCKS_EXCLUDED(write_mutex_, mutex_);
  absl::Status Read(absl::FunctionRef<absl::Status(StoreReader&)> work) override ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t SizeBytes() override ABSL_LOCKS_EXCLUDED(mutex_);

  // From now on the commit of every work that succeeds fails with this status; OK ends that.
  void FailCommits(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::shared_ptr<const FakeJobStoreState> Snapshot() ABSL_LOCKS_EXCLUDED(mutex_);

  Clock& clock_;
  Mutex write_mutex_;  // held while a work runs; taken before mutex_
  Mutex mutex_;
  // Shared by the readers that began before the next commit.
  std::shared_ptr<const FakeJobStoreState> state_ ABSL_GUARDED_BY(mutex_);
  absl::Status commit_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FAKES_FAKE_JOB_STORE_H_
