#include "server/coordinator/disk_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_free_space.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kMiB = 1 << 20;

class DiskGuardTest : public testing::Test {
 protected:
  // The level with so much free, a measuring interval later.
  DiskLevel LevelAt(uint64_t free) {
    space_.Set(free);
    clock_.Advance(absl::Seconds(1));
    return guard_.Level();
  }

  FakeClock clock_;
  TemporaryFolder folder_;
  FakeFreeSpace space_{100 * kMiB};
  const std::filesystem::path reserve_ = folder_.path() / "reserve";
  DiskGuard guard_{clock_,
                   space_,
                   {.logs = 30 * kMiB, .metrics = 20 * kMiB, .new_work = 10 * kMiB, .reserve = kMiB},
                   reserve_};
};

// F19: logs, metrics, uploads, in this order.
TEST_F(DiskGuardTest, GivesUpLogsThenMetricsThenNewWorkEachBelowItsLimit) {
  EXPECT_EQ(LevelAt(30 * kMiB), DiskLevel::kAmple);
  EXPECT_EQ(LevelAt(30 * kMiB - 1), DiskLevel::kNoLogs);
  EXPECT_EQ(LevelAt(20 * kMiB), DiskLevel::kNoLogs);
  EXPECT_EQ(LevelAt(20 * kMiB - 1), DiskLevel::kNoMetrics);
  EXPECT_EQ(LevelAt(10 * kMiB), DiskLevel::kNoMetrics);
  EXPECT_EQ(LevelAt(10 * kMiB - 1), DiskLevel::kNoNewWork);
  EXPECT_THAT(NotTaken(guard_.Level()), ElementsAre("logs", "metrics", "new jobs", "uploads"));
  EXPECT_EQ(LevelAt(30 * kMiB), DiskLevel::kAmple);
  EXPECT_THAT(NotTaken(guard_.Level()), IsEmpty());
}

TEST_F(DiskGuardTest, RefusalNamesWhatIsFreeTheLimitAndWhatToDo) {
  LevelAt(9 * kMiB);
  EXPECT_THAT(
      guard_.CheckNewWork("new jobs"),
      StatusIs(absl::StatusCode::kResourceExhausted, AllOf(HasSubstr("9.0 MiB free"), HasSubstr("10.0 MiB"),
                                                           HasSubstr("new jobs"), HasSubstr("--keep-free"))));
  LevelAt(10 * kMiB);
  EXPECT_THAT(guard_.CheckNewWork("new jobs"), IsOk());
}

TEST_F(DiskGuardTest, ReserveTakesItsRoomWhereThereIsEnoughAndGivesItBackOnce) {
  LevelAt(11 * kMiB - 1);
  guard_.KeepReserve();
  EXPECT_FALSE(std::filesystem::exists(reserve_)) << "it would itself lead below the limit";
  LevelAt(11 * kMiB);
  guard_.KeepReserve();
  EXPECT_EQ(std::filesystem::file_size(reserve_), kMiB);
  EXPECT_TRUE(guard_.ReleaseReserve());
  EXPECT_FALSE(std::filesystem::exists(reserve_));
  EXPECT_FALSE(guard_.ReleaseReserve());
  guard_.KeepReserve();
  EXPECT_TRUE(std::filesystem::exists(reserve_));
}

TEST_F(DiskGuardTest, LimitsInTheWrongOrderAreRefused) {
  EXPECT_THAT(CheckDiskLimits({}), IsOk());
  EXPECT_THAT(CheckDiskLimits({.logs = 1, .metrics = 2, .new_work = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must fall")));
  EXPECT_THAT(CheckDiskLimits({.logs = 3, .metrics = 2, .new_work = 3}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace ecgtrain
