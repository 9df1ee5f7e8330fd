// A JobStore whose Write returns when the transaction is over, and answers on the calling thread: what stands
// above it then runs on one thread, in one order.
#ifndef ECGTRAIN_TESTS_FAULT_WAITING_STORE_H_
#define ECGTRAIN_TESTS_FAULT_WAITING_STORE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "server/store/job_store.h"

namespace ecgtrain {

// Bound to one thread.
class WaitingStore final : public JobStore {
 public:
  explicit WaitingStore(std::unique_ptr<JobStore> store) : store_(std::move(store)) {}

  void Write(Work work, Done done) override {
    const absl::Status status = store_->WriteAndWait([&work](StoreTransaction& t) { return work(t); });
    if (status.ok()) ++commits_;
    done(status);
  }
  absl::Status Read(absl::FunctionRef<absl::Status(StoreReader&)> work) override {
    return store_->Read(work);
  }
  uint64_t SizeBytes() override { return store_->SizeBytes(); }

  int64_t commits() const { return commits_; }

 private:
  std::unique_ptr<JobStore> store_;
  int64_t commits_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FAULT_WAITING_STORE_H_
