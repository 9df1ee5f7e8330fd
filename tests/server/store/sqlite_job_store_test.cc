#include "server/store/sqlite/sqlite_job_store.h"

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/server/store/sqlite_store_fixture.h"

namespace ecgtrain {
namespace {

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

// F19: with the reserve let go the transaction that found the disk full is committed all the same.
TEST_F(SqliteJobStoreTest, FullDiskIsToldToWhoeverCanMakeRoomAndTheWorkIsTriedAgain) {
  int asked = 0;
  const auto store = SqliteJobStore::Open({.path = path_,
                                           .clock = clock_,
                                           .observer = &observer_,
                                           .readers = 1,
                                           .make_room =
                                               [&] {
                                                 if (asked++ == 0) vfs_.Disarm();
                                                 return asked == 1;
                                               },
                                           .vfs = vfs_.name()});
  ASSERT_TRUE(store.ok()) << store.status();
  vfs_.FailOperation(1, Fault::kNoSpace);
  EXPECT_TRUE(AddJobTo(**store).ok());
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(CountJobs(**store), 1);
  vfs_.FailOperation(1, Fault::kNoSpace);
  EXPECT_TRUE(absl::IsResourceExhausted(AddJobTo(**store))) << "there was no more room to be made";
  EXPECT_EQ(asked, 2);
}

TEST_F(SqliteJobStoreTest, SmallTransactionsSucceedWhereALargeOneDoesNotFit) {
  const auto store = Open();
  ASSERT_TRUE(AddJobTo(*store).ok());
  vfs_.LimitFileSize(1'000'000);
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
