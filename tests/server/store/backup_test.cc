#include "server/store/sqlite/backup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/database_file.h"
#include "server/store/sqlite/migrations.h"
#include "server/store/sqlite/salvage.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

class BackupTest : public testing::Test {
 protected:
  std::unique_ptr<JobStore> Open() {
    auto store = SqliteJobStore::Open({.path = path_, .clock = clock_, .backup_folder = backups_});
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  // A job with a live attempt.
  std::pair<int64_t, int64_t> AddJob(JobStore& store) {
    std::pair<int64_t, int64_t> id_and_token;
    const absl::Status status = store.WriteAndWait([&](StoreTransaction& transaction) {
      v1::Job job;
      job.set_state(v1::RUNNING);
      job.set_message(std::string(1000, 'm'));
      RETURN_IF_ERROR(transaction.InsertJob(job));
      v1::Attempt attempt;
      attempt.set_job_id(job.id());
      attempt.set_number(1);
      attempt.set_state(v1::LEASED);
      RETURN_IF_ERROR(transaction.InsertAttempt(attempt));
      id_and_token = {job.id(), attempt.token()};
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return id_and_token;
  }
  bool HasJob(JobStore& store, int64_t id) {
    return store.Read([id](StoreReader& reader) { return reader.GetJob(id).status(); }).ok();
  }
  std::string BackUp() {
    clock_.Advance(absl::Hours(24));
    const auto backup = BackUpDatabase(path_, backups_, clock_.Now());
    EXPECT_TRUE(backup.ok()) << backup.status();
    return backup.ok() ? *backup : "";
  }
  void DamageDatabase() {
    const UniqueFd fd(open(path_.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(pwrite(fd.get(), std::string(8192, '\xff').data(), 8192, 4096), 8192);
  }

  FakeClock clock_;
  TemporaryFolder folder_;
  const std::string path_ = (folder_.path() / "store.db").string();
  const std::string backups_ = (folder_.path() / "backups").string();
};

TEST_F(BackupTest, BackupOfAStoreInUseHoldsWhatWasCommitted) {
  const auto store = Open();
  const int64_t id = AddJob(*store).first;
  const std::string backup = BackUp();
  EXPECT_TRUE(CheckDatabase(backup).ok());
  EXPECT_EQ(NewestBackup(backups_), backup);
  auto copy = SqliteJobStore::Open({.path = backup, .clock = clock_});
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_TRUE(HasJob(**copy, id));
}

TEST_F(BackupTest, OnlyTheNewestBackupsAreKept) {
  const auto store = Open();
  const std::string first = BackUp();
  for (int i = 0; i < 7; ++i) BackUp();
  EXPECT_FALSE(std::filesystem::exists(first));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(backups_), {}), 7);
}

TEST_F(BackupTest, RestoredStoreHasTheBackupAndGivesNoNumberTwice) {
  auto store = Open();
  const int64_t id = AddJob(*store).first;
  const std::string backup = BackUp();
  const auto [later_id, later_token] = AddJob(*store);
  EXPECT_TRUE(absl::IsFailedPrecondition(RestoreDatabase(backup, path_, clock_.Now())));
  store.reset();
  ASSERT_TRUE(RestoreDatabase(backup, path_, clock_.Now()).ok());
  store = Open();
  EXPECT_TRUE(HasJob(*store, id));
  EXPECT_FALSE(HasJob(*store, later_id));
  const auto [new_id, new_token] = AddJob(*store);
  EXPECT_GT(new_id, later_id);
  EXPECT_GT(new_token, later_token);
  EXPECT_GT(new_token, absl::ToUnixMillis(clock_.Now())) << "P4";
}

TEST_F(BackupTest, ReplacedDatabaseIsKept) {
  Open();
  const std::string backup = BackUp();
  const std::string before = *ReadFile(path_);
  ASSERT_TRUE(RestoreDatabase(backup, path_, clock_.Now()).ok());
  int kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    const std::string name = entry.path().filename().string();
    if (!absl::StrContains(name, ".replaced-") || !absl::EndsWith(name, "Z")) continue;  // not its empty log
    ++kept;
    EXPECT_TRUE(*ReadFile(entry.path()) == before);
  }
  EXPECT_EQ(kept, 1);
}

TEST_F(BackupTest, RefusalOfADamagedDatabaseNamesTheNewestBackupWhichRestoresIt) {
  auto store = Open();
  const int64_t id = AddJob(*store).first;
  store.reset();
  BackUp();
  const std::string newest = BackUp();
  DamageDatabase();
  EXPECT_TRUE(absl::IsDataLoss(CheckDatabase(path_)));
  const absl::Status refusal =
      SqliteJobStore::Open({.path = path_, .clock = clock_, .backup_folder = backups_}).status();
  EXPECT_THAT(std::string(refusal.message()), HasSubstr("ecg-coordinator restore " + newest));
  ASSERT_TRUE(RestoreDatabase(newest, path_, clock_.Now()).ok());
  store = Open();
  EXPECT_TRUE(HasJob(*store, id));
}

TEST_F(BackupTest, DamagedDatabaseIsNotBackedUpAndLeavesNoDebris) {
  Open();
  DamageDatabase();
  EXPECT_TRUE(absl::IsDataLoss(BackUpDatabase(path_, backups_, clock_.Now()).status()));
  EXPECT_TRUE(std::filesystem::is_empty(backups_));
}

TEST_F(BackupTest, DamagedBackupReplacesNothing) {
  Open();
  const std::string backup = BackUp();
  const std::string before = *ReadFile(path_);
  std::filesystem::resize_file(backup, 20'000);
  EXPECT_TRUE(absl::IsDataLoss(RestoreDatabase(backup, path_, clock_.Now())));
  EXPECT_TRUE(absl::IsNotFound(RestoreDatabase(backup + ".absent", path_, clock_.Now())));
  EXPECT_TRUE(*ReadFile(path_) == before);
}

TEST_F(BackupTest, RestoreThatWasCutOffIsRepeatedBeforeTheStoreOpens) {
  Open();
  const std::string backup = BackUp();
  // As after a crash between the two renames.
  ASSERT_TRUE(WriteFileDurably(path_ + ".restoring", backup).ok());
  std::filesystem::remove(path_);
  const absl::Status refusal = SqliteJobStore::Open({.path = path_, .clock = clock_}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refusal)) << refusal;
  EXPECT_THAT(std::string(refusal.message()), HasSubstr("was cut off"));
  ASSERT_TRUE(RestoreDatabase(backup, path_, clock_.Now()).ok());
  EXPECT_NE(Open(), nullptr);
}

TEST_F(BackupTest, DatabaseAndBackupAreReadableByTheirOwnerOnly) {
  Open();
  const std::string backup = BackUp();
  const auto owner = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  EXPECT_EQ(std::filesystem::status(path_).permissions(), owner);
  EXPECT_EQ(std::filesystem::status(backup).permissions(), owner);
  ASSERT_TRUE(RestoreDatabase(backup, path_, clock_.Now()).ok());
  EXPECT_EQ(std::filesystem::status(path_).permissions(), owner);
}

TEST_F(BackupTest, SalvagedDatabaseIsSoundAndHasTheRowsBesideTheDamage) {
  auto store = Open();
  constexpr int kJobs = 400;
  for (int i = 0; i < kJobs; ++i) AddJob(*store);
  store.reset();
  // A page in the midst of the jobs, which are most of the file.
  const int64_t middle = static_cast<int64_t>(std::filesystem::file_size(path_)) / 2 / 4096 * 4096;
  {
    const UniqueFd fd(open(path_.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(pwrite(fd.get(), std::string(4096, '\xff').data(), 4096, middle), 4096);
  }
  const std::string salvaged = (folder_.path() / "new.db").string();
  const auto result = SalvageDatabase(path_, salvaged, clock_.Now());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->damaged_tables, testing::Contains("job"));
  EXPECT_TRUE(CheckDatabase(salvaged).ok()) << CheckDatabase(salvaged);
  EXPECT_TRUE(absl::IsAlreadyExists(SalvageDatabase(path_, salvaged, clock_.Now()).status()));

  ASSERT_TRUE(RestoreDatabase(salvaged, path_, clock_.Now()).ok());
  store = Open();
  EXPECT_TRUE(HasJob(*store, 1));
  EXPECT_TRUE(HasJob(*store, kJobs));
  int found = 0;
  for (int id = 1; id <= kJobs; ++id) found += HasJob(*store, id) ? 1 : 0;
  EXPECT_GT(found, kJobs - 20);
  EXPECT_GT(AddJob(*store).first, kJobs);
}

// A database of the first schema with one queued job.
void MakeOfFirstSchema(const std::string& path) {
  auto connection = Connection::Open({.path = path});
  ASSERT_TRUE(connection.ok());
  (*connection)->CheckpointWhenClosed();
  const absl::Status made =
      (*connection)
          ->RunScript(
              absl::StrCat("BEGIN;", Migrations()[0].sql, "PRAGMA application_id = ", kApplicationId,
                           ";PRAGMA user_version = 1; INSERT INTO job (state, priority, name, user, "
                           "submitted, record) VALUES "
                           "(1, 1, 'old', 'ann', 0, x''); INSERT INTO job_spec VALUES (1, x''); COMMIT"));
  ASSERT_TRUE(made.ok()) << made;
}

// P39: version N opens the store of N-1 after taking a backup by itself.
TEST_F(BackupTest, DatabaseOfTheFirstSchemaIsBackedUpThenBroughtUpToDateWithItsJobsCounted) {
  MakeOfFirstSchema(path_);
  auto store = SqliteJobStore::Open({.path = path_, .clock = clock_, .backup_folder = backups_});
  ASSERT_TRUE(store.ok()) << store.status();
  const absl::Status read = (*store)->Read([](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const int64_t queued, reader.CountQueued("ann"));
    EXPECT_EQ(queued, 1);
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  const auto backup = NewestBackup(backups_);
  ASSERT_TRUE(backup.has_value());
  auto old = Connection::Open({.path = *backup, .read_only = true});
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(*(*old)->QueryInt("PRAGMA user_version"), 1);
}

TEST_F(BackupTest, DatabaseOfTheFirstSchemaIsSalvagedIntoThePresentOne) {
  MakeOfFirstSchema(path_);
  const std::string salvaged = path_ + ".salvaged";
  const auto result = SalvageDatabase(path_, salvaged, clock_.Now());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(CheckDatabase(salvaged).ok()) << CheckDatabase(salvaged);
  auto store = SqliteJobStore::Open({.path = salvaged, .clock = clock_});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE(HasJob(**store, 1));
}

TEST_F(BackupTest, MissingDatabaseIsNotFoundAndNothingIsMade) {
  EXPECT_TRUE(absl::IsNotFound(BackUpDatabase(path_, backups_, clock_.Now()).status()));
  EXPECT_FALSE(std::filesystem::exists(backups_));
}

}  // namespace
}  // namespace ecgtrain
