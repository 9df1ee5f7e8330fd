// The database of the real coordinator: damaged, of a newer version, backed up and restored under a worker
// that goes on.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/durable_file.h"
#include "common/unique_fd.h"
#include "tests/integration/lab.h"

namespace ecgtrain::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kPretraining[] =
    "name: pretrain\npretrain: {dataset: synthetic}\nmodel: {preset: tiny}\n"
    "schedule: {epochs: 1, batch_size: 32}\nprecision: fp32\n";

class DatabaseVerbsTest : public ::testing::Test {
 protected:
  CommandResult Coordinator(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {Program("ecg-coordinator")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunCommand(command);
  }
  CommandResult Serve() {
    return Coordinator({"serve", "--state-dir", state_, "--listen", "127.0.0.1:0", "--no-metrics"});
  }
  // A state directory with one job, nobody serving it.
  void MakeState() {
    lab_.StartCoordinator();
    jobs_ = lab_.Submit(kPretraining);
    ASSERT_EQ(lab_.StopCoordinator(), 0);
  }
  void Write(int64_t offset, const std::string& bytes) {
    const UniqueFd file(open(database_.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(pwrite(file.get(), bytes.data(), bytes.size(), offset), static_cast<ssize_t>(bytes.size()));
  }

  Lab lab_;
  const std::string state_ = lab_.folder() / "coordinator";
  const std::string database_ = lab_.folder() / "coordinator" / "coordinator.db";
  std::vector<int64_t> jobs_;
};

// P6, F10: what was done to the file, given its size.
struct Damage {
  std::string name;
  std::function<void(const std::string& path, uint64_t size)> make;
};

class DamagedDatabaseTest : public DatabaseVerbsTest, public ::testing::WithParamInterface<Damage> {};

TEST_P(DamagedDatabaseTest, IsRefusedWithBothWaysOnAndLeftUntouched) {
  MakeState();
  const CommandResult backup = Coordinator({"backup", "--state-dir", state_});
  ASSERT_EQ(backup.exit_code, 0) << backup.errors;
  const std::string copy(absl::StripAsciiWhitespace(backup.output));
  GetParam().make(database_, std::filesystem::file_size(database_));
  const std::string damaged = *ReadFile(database_);

  const CommandResult refusal = Serve();
  EXPECT_EQ(refusal.exit_code, 10);
  const std::string last_line(absl::StripAsciiWhitespace(refusal.errors));
  EXPECT_THAT(last_line, MatchesRegex(absl::StrCat(
                             "ecg-coordinator: database ", database_,
                             " is damaged \\(.+\\) and was left as it is; go on with a ",
                             "backup: ecg-coordinator restore ", copy, " --state-dir ", state_,
                             "; or salvage what can be read: ecg-coordinator salvage NEW --state-dir ",
                             state_, ", then ecg-coordinator check NEW and restore NEW")));
  EXPECT_EQ(Coordinator({"check", "--state-dir", state_}).exit_code, 10);
  EXPECT_TRUE(*ReadFile(database_) == damaged) << "byte for byte";

  const CommandResult restored = Coordinator({"restore", copy, "--state-dir", state_});
  ASSERT_EQ(restored.exit_code, 0) << restored.errors;
  lab_.StartCoordinator();
  EXPECT_EQ(lab_.Get(jobs_[0]).job().name(), "pretrain");
}

INSTANTIATE_TEST_SUITE_P(
    , DamagedDatabaseTest,
    ::testing::Values(Damage{"CutInTheMiddle",
                             [](const std::string& path, uint64_t size) {
                               std::filesystem::resize_file(path, size / 2 / 4096 * 4096);
                             }},
                      Damage{"FlippedHeader",
                             [](const std::string& path, uint64_t) {
                               const UniqueFd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
                               ASSERT_EQ(pwrite(file.get(), "?", 1, 0), 1);
                             }},
                      Damage{"FlippedPages",
                             [](const std::string& path, uint64_t) {
                               const UniqueFd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
                               ASSERT_EQ(pwrite(file.get(), std::string(8192, '\xff').data(), 8192, 4096),
                                         8192);
                             }}),
    [](const auto& info) { return info.param.name; });

TEST_F(DatabaseVerbsTest, SalvagedDatabaseIsCheckedRestoredAndServed) {
  MakeState();
  // The last page of the file: something of the newest tables.
  Write(static_cast<int64_t>(std::filesystem::file_size(database_)) - 4096, std::string(4096, '\xff'));
  const std::string salvaged = lab_.folder() / "new.db";
  const CommandResult salvage = Coordinator({"salvage", salvaged, "--state-dir", state_});
  ASSERT_EQ(salvage.exit_code, 0) << salvage.errors;
  EXPECT_THAT(salvage.output, HasSubstr("rows into"));
  EXPECT_EQ(Coordinator({"check", salvaged}).exit_code, 0);
  ASSERT_EQ(Coordinator({"restore", salvaged, "--state-dir", state_}).exit_code, 0);
  lab_.StartCoordinator();
  EXPECT_EQ(lab_.Get(jobs_[0]).job().name(), "pretrain");
}

// P39: in one sentence, with both versions.
TEST_F(DatabaseVerbsTest, NewerSchemaIsRefusedInOneSentenceAndLeftUntouched) {
  MakeState();
  Write(60, std::string("\0\0\0\x63", 4));  // user_version in SQLite's header: 99
  const std::string before = *ReadFile(database_);
  const CommandResult refusal = Serve();
  EXPECT_EQ(refusal.exit_code, 8);
  EXPECT_THAT(std::string(absl::StripAsciiWhitespace(refusal.errors)),
              MatchesRegex(
                  absl::StrCat("ecg-coordinator: database ", database_,
                               " has schema 99, this program knows up to [0-9]+: run the newer program that ",
                               "wrote it, or restore a backup from before the upgrade")));
  EXPECT_TRUE(*ReadFile(database_) == before);
}

// P39, F15: running attempts live through the restore of a backup that knows them.
TEST_F(DatabaseVerbsTest, RestoreUnderALiveWorkerAdoptsWhatTheBackupKnows) {
  lab_.StartCoordinator();
  lab_.StartWorker();
  const int64_t known = lab_.Submit(
      "name: known\npretrain: {dataset: synthetic}\nmodel: {preset: tiny}\n"
      "schedule: {epochs: 4, batch_size: 32, log_every: 1}\nprecision: fp32\n")[0];
  lab_.AwaitStep(known, 1);
  const CommandResult made =
      RunCommand({Program("ecgctl"), "--server", lab_.address(), "server", "backup", "--output", "json"});
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  const auto newest = std::filesystem::directory_iterator(lab_.folder() / "coordinator" / "backups");
  const std::string backup = newest->path();
  EXPECT_THAT(made.output, HasSubstr(backup));
  const int64_t later = lab_.Submit(kPretraining)[0];
  ASSERT_EQ(lab_.StopCoordinator(), 0);

  const CommandResult restored = Coordinator({"restore", backup, "--state-dir", state_});
  ASSERT_EQ(restored.exit_code, 0) << restored.errors;
  lab_.StartCoordinator();
  const v1::Job end = lab_.AwaitEnd(known);
  EXPECT_EQ(end.state(), v1::SUCCEEDED) << end.message();
  EXPECT_EQ(end.attempts(), 1u) << "the trainer was adopted, not started again";
  const int64_t after = lab_.Submit(kPretraining)[0];
  EXPECT_GT(after, later) << "no number is given twice";
  const v1::Job second = lab_.AwaitEnd(after);
  EXPECT_EQ(second.state(), v1::SUCCEEDED) << second.message();
  EXPECT_GT(lab_.Get(after).attempts(0).token(), absl::ToUnixMillis(absl::Now()) - 3'600'000) << "P4";
}

}  // namespace
}  // namespace ecgtrain::testing
