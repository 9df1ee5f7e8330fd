#include "worker/agent/sweeper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/time/time.h"
#include "tests/support/temporary_folder.h"
#include "worker/agent/cursor.h"

namespace ecgtrain {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class SweeperTest : public testing::Test {
 protected:
  std::filesystem::path AddAttempt(const char* name, std::optional<absl::Time> finished) {
    const std::filesystem::path path = folder_.path() / "attempts" / name;
    std::filesystem::create_directories(path / "checkpoints" / "step-000000001");
    EXPECT_TRUE(
        Cursor(path / "cursor.json").Update([&](CursorRecord& record) { record.finished = finished; }).ok());
    return path;
  }
  std::filesystem::path AddOrphan(const char* name, absl::Time moved) {
    const std::filesystem::path path = folder_.path() / "orphans" / name;
    std::filesystem::create_directories(path);
    const timespec times[2] = {absl::ToTimespec(moved), absl::ToTimespec(moved)};
    EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    return path;
  }
  void Sweep() {
    SweepRunDirectories(folder_.path() / "attempts", absl::Hours(24), folder_.path() / "orphans",
                        absl::Hours(7 * 24), kNow);
  }
  TemporaryFolder folder_;
};

TEST_F(SweeperTest, FinishedRunDirectoryIsDeletedAfterADay) {
  const auto old = AddAttempt("1.1", kNow - absl::Hours(24));
  const auto fresh = AddAttempt("2.1", kNow - absl::Hours(23));
  const auto running = AddAttempt("3.1", std::nullopt);
  Sweep();
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(fresh));
  EXPECT_TRUE(std::filesystem::exists(running));
}

TEST_F(SweeperTest, OrphanIsDeletedAfterAWeek) {
  const auto old = AddOrphan("1.1-7", kNow - absl::Hours(7 * 24 + 1));
  const auto fresh = AddOrphan("2.1-8", kNow - absl::Hours(6 * 24));
  Sweep();
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(fresh));
}

TEST_F(SweeperTest, MissingFoldersAreNothingToDo) {
  Sweep();
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "attempts"));
}

}  // namespace
}  // namespace ecgtrain
