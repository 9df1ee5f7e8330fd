// Stops at every point of a short life of the service where the disk or the caller is told something, and
// goes on: all promises hold, the request that was not answered is repeated, and everything ends as it does
// without a crash (service.md T3, P1, P2, P6, P10).
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "tests/fault/crash_points/scenario.h"
#include "tests/fault/simulation/coordinator_process.h"
#include "tests/fault/simulation/invariants.h"
#include "tests/support/long_tests.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using simulation::CoordinatorProcess;
using simulation::Invariants;
using simulation::World;

enum class Where {
  kNowhere,
  kStore,   // at an operation on the database: write, sync, truncation
  kFiles,   // at an operation on artifacts: write, sync, rename, unlink, new folder
  kAnswer,  // after a step is done, before its answer is out
};

struct Crash {
  Where where = Where::kNowhere;
  int64_t point = 0;  // from 1
  bool power_lost = false;
  bool power_lost_later = false;  // once more, when what was not answered is answered
};

std::string Describe(const Crash& crash) {
  constexpr const char* kWhere[] = {"nowhere", "database operation", "file operation", "answer"};
  return absl::StrCat(kWhere[static_cast<int>(crash.where)], " ", crash.point,
                      crash.power_lost ? ", power lost" : ", killed",
                      crash.power_lost_later ? ", power lost after the repetition" : "");
}

// The scenario with one crash. Bound to one thread.
class Life {
 public:
  explicit Life(const Crash& crash)
      : crash_(crash),
        process_(world_, folder_.path(), simulation::ShortTimes()),
        scenario_(world_),
        invariants_(
            scenario_.ledger(), [](const v1::Attempt&) { return false; },
            [](const std::string& finding) { ADD_FAILURE() << finding; }) {
    if (crash.where == Where::kStore) process_.CrashAtStoreOperation(crash.point, crash.power_lost);
    if (crash.where == Where::kFiles) process_.CrashAtFileOperation(crash.point, crash.power_lost);
  }

  // What is there in the end.
  std::string Execute() {
    Start();
    const std::vector<Scenario::Step> steps = scenario_.Steps();
    for (size_t i = 0; i < steps.size() && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(steps[i].name);
      ExecuteStep(steps[i], static_cast<int64_t>(i) + 1);
    }
    if (testing::Test::HasFailure()) return "";
    // A loss of power may bring back a file whose removal a killed process had not synced. It has no row, so
    // the next sweep takes it away.
    if (crash_.power_lost_later) {
      world_.clock.Set(world_.Elapsed() + absl::Hours(2));
      const absl::Status swept = process_.RunMaintenance();
      EXPECT_TRUE(swept.ok()) << swept;
    }
    invariants_.CheckSwept(process_.store(), process_.artifacts());
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path() / "artifacts" / "uploads"));
    steps_ = static_cast<int64_t>(steps.size());
    return Describe(process_.store(), process_.artifacts());
  }

  int64_t steps() const { return steps_; }
  int64_t store_operations() { return process_.store_operations(); }
  int64_t file_operations() { return process_.file_operations(); }

 private:
  void Start() {
    absl::Status started = process_.Start();
    if (process_.DieIfDue()) {
      died_ = true;
      started = process_.Start();
    }
    ASSERT_TRUE(started.ok()) << started;
  }

  void ExecuteStep(const Scenario::Step& step, int64_t number) {
    absl::Status status = step.run(process_.coordinator());
    const bool answer_lost = crash_.where == Where::kAnswer && crash_.point == number;
    if (answer_lost) process_.Crash(crash_.power_lost);
    if (answer_lost || process_.DieIfDue()) {
      died_ = true;
      Start();
      if (testing::Test::HasFatalFailure()) return;
      Check();
      status = step.run(process_.coordinator());
    }
    ASSERT_TRUE(status.ok()) << status;
    if (died_ && crash_.power_lost_later) {
      died_ = false;
      process_.Crash(/*power_lost=*/true);
      Start();
    }
    Check();
  }

  void Check() { invariants_.Check(process_.store(), process_.artifacts(), world_.clock.Now()); }

  const Crash crash_;
  TemporaryFolder folder_;
  World world_{1};
  CoordinatorProcess process_;
  Scenario scenario_;
  Invariants invariants_;
  bool died_ = false;
  int64_t steps_ = 0;
};

class CrashPointsTest : public testing::Test {
 protected:
  // What is refused while the disk is gone is warned of.
  static void SetUpTestSuite() { ConfigureLogging("crash_points", LogLevel::kError, LogFormat::kText); }

  CrashPointsTest() {
    Life calm({});
    expected_ = calm.Execute();
    points_ = {{Where::kStore, calm.store_operations()},
               {Where::kFiles, calm.file_operations()},
               {Where::kAnswer, calm.steps()}};
  }

  void CrashEverywhere(bool power_lost, bool power_lost_later) {
    const int64_t stride = LongTests() ? 1 : 17;
    int64_t crashes = 0;
    for (const auto& [where, points] : points_) {
      ASSERT_GT(points, 15);
      for (int64_t point = 1; point <= points && !HasFailure(); point += stride) {
        const Crash crash{where, point, power_lost, power_lost_later};
        SCOPED_TRACE(Describe(crash));
        EXPECT_EQ(Life(crash).Execute(), expected_);
        ++crashes;
      }
    }
    std::cout << crashes << " crash points\n";
    RecordCount("crash_points", crashes);
  }

  std::string expected_;
  std::vector<std::pair<Where, int64_t>> points_;
};

TEST_F(CrashPointsTest, AProcessKilledAnywhereLosesNothing) {
  CrashEverywhere(/*power_lost=*/false, /*power_lost_later=*/false);
}

TEST_F(CrashPointsTest, ALossOfPowerAnywhereLosesNothing) {
  CrashEverywhere(/*power_lost=*/true, /*power_lost_later=*/false);
}

// What a killed process had written, but not synced, is read by the next one: answered, it must be safe.
TEST_F(CrashPointsTest, NothingAnsweredAfterAKillIsLostWithThePower) {
  CrashEverywhere(/*power_lost=*/false, /*power_lost_later=*/true);
}

}  // namespace
}  // namespace ecgtrain
