// The part of the suite about transactions: all or nothing, one after the other, many at once.
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "common/status_macros.h"
#include "tests/contract/job_store_contract.h"

namespace ecgtrain {
namespace {

absl::Status AddJob(StoreTransaction& transaction, const std::string& name) {
  v1::Job job;
  job.set_name(name);
  job.set_state(v1::QUEUED);
  return transaction.InsertJob(job);
}

// Counts down to zero. Thread-safe.
class Countdown {
 public:
  explicit Countdown(int count) : count_(count) {}
  void Done() {
    MutexLock lock(mutex_);
    if (--count_ == 0) reached_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mutex_);
    while (count_ > 0) reached_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar reached_;
  int count_ ABSL_GUARDED_BY(mutex_);
};

TEST_P(JobStoreContract, ErrorOfTheWorkRollsBackAllOfIt) {
  const absl::Status status = TryWrite([](StoreTransaction& t) {
    RETURN_IF_ERROR(AddJob(t, "lost"));
    v1::Worker worker;
    worker.set_name("lost");
    RETURN_IF_ERROR(t.PutWorker(worker));
    return absl::AbortedError("on purpose");
  });
  EXPECT_EQ(status, absl::AbortedError("on purpose"));
  EXPECT_TRUE(ListIds({}).empty());
  EXPECT_TRUE(Read<std::vector<v1::Worker>>([](StoreReader& r) { return r.ListWorkers(); }).empty());
}

TEST_P(JobStoreContract, TransactionReadsItsOwnWrites) {
  Write([](StoreTransaction& t) {
    RETURN_IF_ERROR(AddJob(t, "mine"));
    ASSIGN_OR_RETURN(const std::vector<int64_t> ids, t.FindJobsByName("mine"));
    EXPECT_EQ(ids.size(), 1u);
    return absl::OkStatus();
  });
}

TEST_P(JobStoreContract, AnErrorRollsBackItsOwnTransactionAlone) {
  constexpr int kTransactions = 200;
  Countdown countdown(kTransactions);
  std::atomic<int> refused = 0;
  for (int i = 0; i < kTransactions; ++i) {
    store_.Write(
        [i](StoreTransaction& t) {
          RETURN_IF_ERROR(AddJob(t, i % 3 == 0 ? "lost" : "kept"));
          return i % 3 == 0 ? absl::AbortedError("on purpose") : absl::OkStatus();
        },
        [&](absl::Status status) {
          if (absl::IsAborted(status)) ++refused;
          countdown.Done();
        });
  }
  countdown.Wait();
  EXPECT_EQ(refused, 67);
  EXPECT_EQ(ListIds({.limit = kTransactions}).size(), 133u);
  EXPECT_TRUE(Read<std::vector<int64_t>>([](StoreReader& r) { return r.FindJobsByName("lost"); }).empty());
}

TEST_P(JobStoreContract, WritesOfOneCallerTakeEffectInOrder) {
  constexpr int kTransactions = 300;
  Countdown countdown(kTransactions);
  for (int i = 0; i < kTransactions; ++i) {
    store_.Write(
        [i](StoreTransaction& t) {
          v1::Worker worker;
          worker.set_name("w");
          worker.set_version(std::to_string(i));
          return t.PutWorker(worker);
        },
        [&](absl::Status status) {
          EXPECT_TRUE(status.ok()) << status;
          countdown.Done();
        });
  }
  countdown.Wait();
  EXPECT_EQ(Read<v1::Worker>([](StoreReader& r) { return r.GetWorker("w"); }).version(),
            std::to_string(kTransactions - 1));
}

TEST_P(JobStoreContract, ConcurrentWritersSeeTheirWritesOnceAnswered) {
  constexpr int kThreads = 8;
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = absl::StrCat("job-", thread, "-", i);
        EXPECT_TRUE(store_.WriteAndWait([&](StoreTransaction& t) { return AddJob(t, name); }).ok());
        EXPECT_TRUE(store_
                        .Read([&](StoreReader& r) {
                          ASSIGN_OR_RETURN(const std::vector<int64_t> ids, r.FindJobsByName(name));
                          return ids.size() == 1 ? absl::OkStatus() : absl::NotFoundError(name);
                        })
                        .ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<int64_t> ids = ListIds({.limit = 1000});
  EXPECT_EQ(std::set<int64_t>(ids.begin(), ids.end()).size(), static_cast<size_t>(kThreads * kEach));
}

TEST_P(JobStoreContract, ReadSeesOneSnapshot) {
  InsertJob();
  const absl::Status status = store_.Read([this](StoreReader& reader) {
    ASSIGN_OR_RETURN(const auto before, reader.CountJobs());
    std::thread([this] { InsertJob(); }).join();
    ASSIGN_OR_RETURN(const auto after, reader.CountJobs());
    EXPECT_EQ(before, after);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(ListIds({}).size(), 2u);
}

TEST_P(JobStoreContract, ErrorOfAReadIsPassedOn) {
  EXPECT_EQ(ReadStatus([](StoreReader&) { return absl::OutOfRangeError("on purpose"); }),
            absl::OutOfRangeError("on purpose"));
  EXPECT_TRUE(ListIds({}).empty());
}

TEST_P(JobStoreContract, StoreEndsAfterAcceptedWorkIsAnswered) {
  std::atomic<int> answered = 0;
  for (int i = 0; i < 100; ++i) {
    store_.Write([](StoreTransaction& t) { return AddJob(t, "late"); },
                 [&](absl::Status status) { answered += status.ok() ? 1 : 0; });
  }
  under_test_.store.reset();
  EXPECT_EQ(answered, 100);
}

TEST_P(JobStoreContract, SizeGrowsWithTheRows) {
  InsertJob([](v1::Job& job) { job.set_message(std::string(100'000, 'x')); });
  EXPECT_GT(store_.SizeBytes(), 100'000u);
}

}  // namespace
}  // namespace ecgtrain
