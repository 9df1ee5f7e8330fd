// Thousands of histories of the whole service but its network and processes; each has to keep every promise
// at every step and to end with all jobs in the right state (service.md T4, T5).
//
// ECGTRAIN_SEED=N runs one history and tells it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log.h"
#include "tests/fault/simulation/history.h"
#include "tests/support/long_tests.h"

namespace ecgtrain::simulation {
namespace {

std::string Tell(uint64_t seed, const Outcome& outcome) {
  std::string told = absl::StrCat("seed ", seed, ", step ", outcome.steps, ": ", outcome.broken,
                                  "\nlast events:\n  ", absl::StrJoin(outcome.trace, "\n  "));
  const std::vector<Operation> needed = Shrink(seed, PlanOperations(seed));
  const Outcome shrunk = RunHistory(seed, needed);
  absl::StrAppend(&told, "\n", needed.size(), " operations are enough for: ", shrunk.broken, "\n  ",
                  absl::StrJoin(shrunk.trace, "\n  "));
  return told;
}

uint64_t SeedOfCaller() {
  const char* text = std::getenv("ECGTRAIN_SEED");
  uint64_t seed = 0;
  return text != nullptr && absl::SimpleAtoi(text, &seed) ? seed : 0;
}

// Histories are full of warnings about the faults that were meant.
class SimulationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ConfigureLogging("simulation", LogLevel::kError, LogFormat::kText); }
};

TEST_F(SimulationTest, NoHistoryBreaksAPromise) {
  const uint64_t one = SeedOfCaller();
  const uint64_t first = one != 0 ? one : 1;
  const uint64_t last = one != 0 ? one : LongTests() ? 10'000 : 200;
  int64_t histories = 0, broken = 0, steps = 0, checks = 0, jobs = 0, attempts = 0, repeated = 0;
  for (uint64_t seed = first; seed <= last && broken < 3; ++seed) {
    const Outcome outcome = RunHistory(seed, PlanOperations(seed));
    ++histories;
    steps += outcome.steps;
    checks += outcome.checks;
    jobs += outcome.jobs;
    attempts += outcome.attempts;
    repeated += outcome.answers_repeated;
    if (one != 0) std::cout << absl::StrJoin(outcome.trace, "\n") << "\n";
    if (outcome.broken.empty()) continue;
    ++broken;
    ADD_FAILURE() << Tell(seed, outcome);
  }
  std::cout << histories << " histories, " << broken << " broken invariants; " << jobs << " jobs, "
            << attempts << " attempts, " << steps << " steps, " << checks << " checks, " << repeated
            << " repeated answers\n";
  RecordCount("simulated_histories", histories);
  RecordCount("broken_invariants", broken);
}

TEST_F(SimulationTest, ASeedIsAHistory) {
  for (uint64_t seed = 1; seed <= (LongTests() ? 500 : 20); ++seed) {
    const Outcome once = RunHistory(seed, PlanOperations(seed));
    const Outcome again = RunHistory(seed, PlanOperations(seed));
    EXPECT_EQ(once.digest, again.digest) << "seed " << seed;
    EXPECT_EQ(once.steps, again.steps) << "seed " << seed;
    EXPECT_EQ(once.trace, again.trace) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ecgtrain::simulation
