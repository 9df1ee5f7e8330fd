// One history: a lab of a coordinator, three hosts and a user, to which a list of operations happens, and
// which then has to settle.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_HISTORY_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace ecgtrain::simulation {

struct Operation {
  enum class Kind {
    kSubmit,
    kCancel,
    kPause,
    kResume,
    kRequeue,
    kCordon,
    kKillCoordinator,
    kCutPower,      // of the coordinator
    kCrashInStore,  // at one of its next operations on the database
    kCrashInFiles,  // at one of its next operations on artifacts
    kFillDisk,      // of the coordinator, for a while
    kKillAgent,
    kDrainAgent,
    kKillTrainer,
    kHangTrainer,
    kCutPowerOfHost,
    kReplaceDiskOfHost,
    kCutLink,  // of a host or the user: both ways or one
  };
  absl::Duration at;
  Kind kind;
  uint64_t choice;  // all that is random about it
};
std::string Describe(const Operation& operation);

// The operations that belong to a seed.
std::vector<Operation> PlanOperations(uint64_t seed);

struct Outcome {
  std::string broken;              // the first broken promise; "" for none
  std::vector<std::string> trace;  // the last events before it
  uint64_t digest = 0;             // of all events
  int64_t steps = 0;
  int64_t checks = 0;  // of the invariants
  int64_t jobs = 0;
  int64_t attempts = 0;
  int64_t answers_repeated = 0;
};

// The same arguments give the same outcome.
Outcome RunHistory(uint64_t seed, const std::vector<Operation>& operations);

// Fewer operations that still break a promise, for the eye: `operations` do with this seed.
std::vector<Operation> Shrink(uint64_t seed, std::vector<Operation> operations);

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_HISTORY_H_
