// What the tests of SqliteJobStore share.
#ifndef ECGTRAIN_TESTS_SERVER_STORE_SQLITE_STORE_FIXTURE_H_
#define ECGTRAIN_TESTS_SERVER_STORE_SQLITE_STORE_FIXTURE_H_

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/server/store/fault_vfs.h"
#include "tests/support/gate.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {

class RecordingObserver final : public StoreObserver {
 public:
  void OnCommit(const CommitStatistics& statistics) override {
    MutexLock lock(mutex_);
    commits_.push_back(statistics);
  }
  void OnFatal(const absl::Status& status) override {
    {
      MutexLock lock(mutex_);
      fatal_ = status;
    }
    failed.Open();
  }
  std::vector<CommitStatistics> commits() {
    MutexLock lock(mutex_);
    return commits_;
  }
  absl::Status fatal() {
    MutexLock lock(mutex_);
    return fatal_;
  }
  Gate failed;

 private:
  Mutex mutex_;
  std::vector<CommitStatistics> commits_ ABSL_GUARDED_BY(mutex_);
  absl::Status fatal_ ABSL_GUARDED_BY(mutex_);
};

inline absl::Status AddJob(StoreTransaction& transaction, size_t message_size = 10) {
  v1::Job job;
  job.set_state(v1::QUEUED);
  job.set_message(std::string(message_size, 'm'));
  return transaction.InsertJob(job);
}

class SqliteJobStoreTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<JobStore>> TryOpen() {
    return SqliteJobStore::Open(
        {.path = path_, .clock = clock_, .observer = &observer_, .readers = 1, .vfs = vfs_.name()});
  }
  std::unique_ptr<JobStore> Open() {
    auto store = TryOpen();
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  absl::Status AddJobTo(JobStore& store, size_t message_size = 10) {
    return store.WriteAndWait([&](StoreTransaction& t) { return AddJob(t, message_size); });
  }
  int64_t CountJobs(JobStore& store) {
    int64_t count = -1;
    const absl::Status status = store.Read([&](StoreReader& reader) {
      ASSIGN_OR_RETURN(auto counts, reader.CountJobs());
      count = counts[v1::QUEUED];
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return count;
  }
  // SQL behind the store's back.
  void Execute(const std::string& sql) {
    auto connection = Connection::Open({.path = path_});
    ASSERT_TRUE(connection.ok()) << connection.status();
    (*connection)->CheckpointWhenClosed();
    const absl::Status status = (*connection)->RunScript(sql);
    ASSERT_TRUE(status.ok()) << status;
  }
  // Overwrites part of the file.
  void Damage(int64_t offset, int64_t size) {
    const UniqueFd fd(open(path_.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(pwrite(fd.get(), std::string(size, '\xff').data(), size, offset), size);
  }

  FakeClock clock_;
  RecordingObserver observer_;
  FaultVfs vfs_{"fault"};
  TemporaryFolder folder_;
  std::string path_ = (folder_.path() / "store.db").string();
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SERVER_STORE_SQLITE_STORE_FIXTURE_H_
