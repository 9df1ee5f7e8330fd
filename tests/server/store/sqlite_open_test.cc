// What a SqliteJobStore finds when it opens: its rows after every kind of end, or a reason to refuse.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "server/store/sqlite/migrations.h"
#include "tests/server/store/sqlite_store_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using SqliteOpenTest = SqliteJobStoreTest;

TEST_F(SqliteOpenTest, ReopenedStoreHasItsRowsAndLeavesNoLog) {
  auto store = Open();
  ASSERT_TRUE(AddJobTo(*store).ok());
  store.reset();
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  store = Open();
  EXPECT_EQ(CountJobs(*store), 1);
}

TEST_F(SqliteOpenTest, AcknowledgedRowsSurviveSigkill) {
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

TEST_F(SqliteOpenTest, SecondOpenerIsRefused) {
  const auto store = Open();
  const absl::Status status = TryOpen().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("in use by another coordinator"));
}

TEST_F(SqliteOpenTest, NewerSchemaIsRefusedWithWords) {
  Open();
  Execute("PRAGMA user_version = 99");
  const absl::Status status = TryOpen().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("has schema 99"), HasSubstr("newer program")));
}

TEST_F(SqliteOpenTest, DatabaseOfAnotherProgramIsRefused) {
  Execute("CREATE TABLE theirs (x)");
  const absl::Status status = TryOpen().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("belongs to another program"));
  Execute("SELECT x FROM theirs");
}

TEST_F(SqliteOpenTest, DamagedFileIsRefusedAndLeftAsItIs) {
  {
    const auto store = Open();
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(AddJobTo(*store, 2000).ok());
  }
  const int64_t size = static_cast<int64_t>(std::filesystem::file_size(path_));
  Damage(size / 2 / 4096 * 4096, 4096);
  const std::string before = *ReadFile(path_);
  const absl::Status status = TryOpen().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path_ + " is damaged"), HasSubstr("left as it is"),
                    HasSubstr("ecg-coordinator restore BACKUP"), HasSubstr("ecg-coordinator salvage NEW"),
                    Not(HasSubstr("\n"))));
  EXPECT_TRUE(*ReadFile(path_) == before);
}

TEST_F(SqliteOpenTest, FileThatIsNoDatabaseIsRefusedAndLeftAsItIs) {
  ASSERT_TRUE(WriteFileDurably(path_, std::string(5000, 'x')).ok());
  EXPECT_TRUE(absl::IsDataLoss(TryOpen().status()));
  EXPECT_EQ(*ReadFile(path_), std::string(5000, 'x'));
}

TEST_F(SqliteOpenTest, CutFileIsRefused) {
  {
    const auto store = Open();
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(AddJobTo(*store, 2000).ok());
  }
  // Half of it, most of its last page, one byte.
  const uint64_t size = std::filesystem::file_size(path_);
  const std::string whole = *ReadFile(path_);
  for (const uint64_t left : {size / 2, size - 4000, size - 1}) {
    ASSERT_THAT(WriteFileDurably(path_, whole.substr(0, left)), IsOk());
    EXPECT_THAT(TryOpen(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is damaged"))) << left;
    EXPECT_EQ(std::filesystem::file_size(path_), left);
  }
}

TEST_F(SqliteOpenTest, EmptiedFileIsRefusedAndAnUnbegunOneIsNot) {
  ASSERT_THAT(WriteFileDurably(path_, ""), IsOk());  // as a first start leaves it that was killed at once
  Open();
  ASSERT_THAT(WriteFileDurably(path_, ""), IsOk());
  EXPECT_THAT(TryOpen(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("it is empty")));
  EXPECT_EQ(std::filesystem::file_size(path_), 0u);
}

TEST_F(SqliteOpenTest, DamageInALargeFileIsFoundInTheBackground) {
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

TEST_F(SqliteOpenTest, MigrationsAreNumberedWithoutGaps) {
  int expected = 0;
  for (const Migration& migration : Migrations()) EXPECT_EQ(migration.version, ++expected);
  EXPECT_GT(expected, 0);
}

}  // namespace
}  // namespace ecgtrain
