#include "server/store/sqlite/sqlite_job_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "server/store/sqlite/migrations.h"
#include "tests/server/store/fault_vfs.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Opened once. Thread-safe.
class Gate {
 public:
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    opened_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mutex_);
    while (!open_) opened_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar opened_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

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

absl::Status AddJob(StoreTransaction& transaction, size_t message_size = 10) {
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

TEST_F(SqliteJobStoreTest, ReopenedStoreHasItsRowsAndLeavesNoLog) {
  auto store = Open();
  ASSERT_TRUE(AddJobTo(*store).ok());
  store.reset();
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  store = Open();
  EXPECT_EQ(CountJobs(*store), 1);
}

TEST_F(SqliteJobStoreTest, AcknowledgedRowsSurviveSigkill) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto store = SqliteJobStore::Open({.path = path_, .clock = clock_});
    if (!store.ok()) _exit(1);
    while (true) {
      int64_t id = 0;
      const absl::Status status = (*store)->WriteAndWait([&](StoreTransaction& t) {
        v1::Job job;
        job.set_state(v1::QUEUED);
        const absl::Status inserted = t.InsertJob(job);
        id = job.id();
        return inserted;
      });
      if (!status.ok()) _exit(2);
      dprintf(pipe_ends[1], "%ld\n", static_cast<long>(id));
    }
  }
  close(pipe_ends[1]);
  std::string lines;
  char buffer[256];
  ssize_t got = 0;
  while ((got = read(pipe_ends[0], buffer, sizeof buffer)) > 0) {
    lines.append(buffer, got);
    if (lines.size() > 2000)
      kill(child, SIGKILL);  // in the midst of its work; the rest of the pipe is read on
  }
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));

  const auto store = Open();
  ASSERT_NE(store, nullptr);
  std::vector<std::string> ids = absl::StrSplit(lines, '\n');
  ids.pop_back();  // empty, or a line cut in the middle
  ASSERT_GT(ids.size(), 100u);
  for (const std::string& text : ids) {
    int64_t id = 0;
    ASSERT_TRUE(absl::SimpleAtoi(text, &id));
    EXPECT_TRUE(store->Read([id](StoreReader& reader) { return reader.GetJob(id).status(); }).ok()) << id;
  }
}

TEST_F(SqliteJobStoreTest, SecondOpenerIsRefused) {
  const auto store = Open();
  const absl::Status status = TryOpen().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("in use by another coordinator"));
}

TEST_F(SqliteJobStoreTest, NewerSchemaIsRefusedWithWords) {
  Open();
  Execute("PRAGMA user_version = 99");
  const absl::Status status = TryOpen().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("has schema 99"), HasSubstr("newer program")));
}

TEST_F(SqliteJobStoreTest, DatabaseOfAnotherProgramIsRefused) {
  Execute("CREATE TABLE theirs (x)");
  const absl::Status status = TryOpen().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("belongs to another program"));
  Execute("SELECT x FROM theirs");
}

TEST_F(SqliteJobStoreTest, DamagedFileIsRefusedAndLeftAsItIs) {
  {
    const auto store = Open();
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(AddJobTo(*store, 2000).ok());
  }
  const int64_t size = static_cast<int64_t>(std::filesystem::file_size(path_));
  Damage(size / 2 / 4096 * 4096, 4096);
  const std::string before = *ReadFile(path_);
  const absl::Status status = TryOpen().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr(path_ + " is damaged"), HasSubstr("left as it is"),
            HasSubstr("ecg-coordinator restore BACKUP"), HasSubstr(".recover"), Not(HasSubstr("\n"))));
  EXPECT_TRUE(*ReadFile(path_) == before);
}

TEST_F(SqliteJobStoreTest, FileThatIsNoDatabaseIsRefusedAndLeftAsItIs) {
  ASSERT_TRUE(WriteFileDurably(path_, std::string(5000, 'x')).ok());
  EXPECT_TRUE(absl::IsDataLoss(TryOpen().status()));
  EXPECT_EQ(*ReadFile(path_), std::string(5000, 'x'));
}

TEST_F(SqliteJobStoreTest, CutFileIsRefused) {
  {
    const auto store = Open();
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(AddJobTo(*store, 2000).ok());
  }
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  EXPECT_TRUE(absl::IsDataLoss(TryOpen().status()));
}

TEST_F(SqliteJobStoreTest, DamageInALargeFileIsFoundInTheBackground) {
  {
    const auto store = Open();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(AddJobTo(*store, 1 << 20).ok());
  }
  Damage(5 << 20, 4096);
  const auto store = Open();
  observer_.failed.Wait();
  EXPECT_TRUE(absl::IsDataLoss(observer_.fatal())) << observer_.fatal();
  EXPECT_TRUE(absl::IsUnavailable(AddJobTo(*store)));
}

TEST_F(SqliteJobStoreTest, MigrationsAreNumberedWithoutGaps) {
  int expected = 0;
  for (const Migration& migration : Migrations()) EXPECT_EQ(migration.version, ++expected);
  EXPECT_GT(expected, 0);
}

TEST_F(SqliteJobStoreTest, FullDiskIsSaidAndTheStoreWorksOnAfterwards) {
  const auto store = Open();
  ASSERT_TRUE(AddJobTo(*store).ok());
  vfs_.FailOperation(1, Fault::kNoSpace);
  const absl::Status full = AddJobTo(*store);
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_EQ(CountJobs(*store), 1);
  vfs_.Disarm();
  EXPECT_TRUE(AddJobTo(*store).ok());
  EXPECT_EQ(CountJobs(*store), 2);
  EXPECT_TRUE(observer_.fatal().ok());
}

TEST_F(SqliteJobStoreTest, SmallTransactionsSucceedWhereALargeOneDoesNotFit) {
  const auto store = Open();
  ASSERT_TRUE(AddJobTo(*store).ok());
  vfs_.LimitFileSize(300'000);
  // The first one holds the writer until the others wait, so that they are one group.
  Gate others_wait;
  std::vector<absl::Status> answers(4);
  std::thread first([&] {
    answers[0] = store->WriteAndWait([&](StoreTransaction& t) {
      others_wait.Wait();
      return AddJob(t);
    });
  });
  Gate done[3];
  for (int i = 0; i < 3; ++i) {
    store->Write([i](StoreTransaction& t) { return AddJob(t, i == 1 ? 20'000'000 : 10); },
                 [&, i](absl::Status status) {
                   answers[1 + i] = std::move(status);
                   done[i].Open();
                 });
  }
  others_wait.Open();
  first.join();
  for (Gate& gate : done) gate.Wait();
  EXPECT_TRUE(answers[0].ok()) << answers[0];
  EXPECT_TRUE(answers[1].ok()) << answers[1];
  EXPECT_TRUE(absl::IsResourceExhausted(answers[2])) << answers[2];
  EXPECT_TRUE(answers[3].ok()) << answers[3];
  EXPECT_EQ(CountJobs(*store), 4);
}

TEST_F(SqliteJobStoreTest, AfterAFailedSyncNothingIsWrittenUntilTheStoreIsOpenedAnew) {
  auto store = Open();
  ASSERT_TRUE(AddJobTo(*store).ok());
  vfs_.FailNextSync();
  EXPECT_TRUE(absl::IsUnavailable(AddJobTo(*store)));
  observer_.failed.Wait();
  EXPECT_TRUE(absl::IsUnavailable(AddJobTo(*store)));
  EXPECT_EQ(CountJobs(*store), 1);
  store.reset();
  store = Open();
  EXPECT_TRUE(AddJobTo(*store).ok());
  EXPECT_GE(CountJobs(*store), 2);
}

TEST_F(SqliteJobStoreTest, WaitingTransactionsShareCommits) {
  const auto store = Open();
  Gate gate;
  store->Write(
      [&](StoreTransaction& t) {
        gate.Wait();
        return AddJob(t);
      },
      [](const absl::Status&) {});
  std::atomic<int> answered = 0;
  Gate last;
  for (int i = 0; i < 400; ++i) {
    store->Write([](StoreTransaction& t) { return AddJob(t); },
                 [&](const absl::Status& status) {
                   EXPECT_TRUE(status.ok()) << status;
                   if (++answered == 400) last.Open();
                 });
  }
  gate.Open();
  last.Wait();
  // The one that held the writer, then 256, then the rest.
  size_t transactions = 0;
  for (const CommitStatistics& commit : observer_.commits()) {
    EXPECT_LE(commit.transactions, 256u);
    transactions += commit.transactions;
  }
  EXPECT_LE(observer_.commits().size(), 3u);
  EXPECT_EQ(transactions, 401u);
}

TEST_F(SqliteJobStoreTest, FullQueueIsRefusedAtOnce) {
  const auto store = Open();
  Gate started;
  Gate gate;
  store->Write(
      [&](StoreTransaction&) {
        started.Open();
        gate.Wait();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
  started.Wait();
  for (int i = 0; i < 4096; ++i) {
    store->Write([](StoreTransaction&) { return absl::OkStatus(); },
                 [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  }
  absl::Status refused;
  store->Write([](StoreTransaction&) { return absl::OkStatus(); },
               [&](absl::Status status) { refused = std::move(status); });
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  gate.Open();
}

TEST_F(SqliteJobStoreTest, LogIsEmptiedWhenIdle) {
  const auto store = Open();
  ASSERT_TRUE(AddJobTo(*store, 100'000).ok());
  ASSERT_GT(std::filesystem::file_size(path_ + "-wal"), 100'000u);
  // The writer may not be waiting yet when the clock moves: then the next move wakes it.
  while (std::filesystem::file_size(path_ + "-wal") > 0) {
    clock_.Advance(absl::Seconds(2));
    std::this_thread::yield();
  }
  EXPECT_EQ(CountJobs(*store), 1);
}

TEST_F(SqliteJobStoreTest, ReadThatTakesTooLongIsInterrupted) {
  const auto store = Open();
  ASSERT_TRUE(store
                  ->WriteAndWait([](StoreTransaction& t) {
                    for (int i = 0; i < 5000; ++i) RETURN_IF_ERROR(AddJob(t));
                    return absl::OkStatus();
                  })
                  .ok());
  const absl::Status status = store->Read([this](StoreReader& reader) {
    clock_.Advance(absl::Seconds(3));
    return reader.ListJobs({.labels = {{"no", "such"}}, .limit = 5000}).status();
  });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(CountJobs(*store), 5000);
}

TEST_F(SqliteJobStoreTest, ReaderWaitsTwoSecondsForAConnection) {
  const auto store = Open();
  Gate held;
  Gate release;
  std::thread holder([&] {
    EXPECT_TRUE(store
                    ->Read([&](StoreReader&) {
                      held.Open();
                      release.Wait();
                      return absl::OkStatus();
                    })
                    .ok());
  });
  held.Wait();
  std::atomic<bool> answered = false;
  absl::Status status;
  std::thread waiter([&] {
    status = store->Read([](StoreReader&) { return absl::OkStatus(); });
    answered = true;
  });
  while (!answered) {
    clock_.Advance(absl::Seconds(1));
    std::this_thread::yield();
  }
  waiter.join();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  release.Open();
  holder.join();
}

}  // namespace
}  // namespace ecgtrain
