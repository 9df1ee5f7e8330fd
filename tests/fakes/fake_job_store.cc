#include "tests/fakes/fake_job_store.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "common/status_macros.h"
#include "tests/fakes/fake_store_transaction.h"

namespace ecgtrain {

FakeJobStore::FakeJobStore(Clock& clock) : clock_(clock), state_(std::make_shared<FakeJobStoreState>()) {}
FakeJobStore::~FakeJobStore() = default;

std::shared_ptr<const FakeJobStoreState> FakeJobStore::Snapshot() {
  MutexLock lock(mutex_);
  return state_;
}

void FakeJobStore::Write(Work work, Done done) {
  absl::Status status;
  {
    MutexLock writing(write_mutex_);
    auto next = std::make_shared<FakeJobStoreState>(*Snapshot());
    FakeStoreTransaction transaction(*next, clock_.Now());
    status = work(transaction);
    MutexLock lock(mutex_);
    if (status.ok()) status = commit_status_;
    if (status.ok()) state_ = std::move(next);
  }
  done(status);
}

absl::Status FakeJobStore::Read(absl::FunctionRef<absl::Status(StoreReader&)> work) {
  FakeJobStoreState snapshot = *Snapshot();
  FakeStoreTransaction reader(snapshot, clock_.Now());
  return work(reader);
}

uint64_t FakeJobStore::SizeBytes() {
  uint64_t bytes = 0;
  for (const auto& [id, job] : Snapshot()->jobs) bytes += job.ByteSizeLong();
  return bytes;
}

void FakeJobStore::FailCommits(absl::Status status) {
  MutexLock lock(mutex_);
  commit_status_ = std::move(status);
}

}  // namespace ecgtrain
