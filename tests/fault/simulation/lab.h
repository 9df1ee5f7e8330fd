// The parts of a history and what operations do to them.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_LAB_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_LAB_H_

#include <array>
#include <memory>
#include <string>

#include "tests/fault/simulation/coordinator_process.h"
#include "tests/fault/simulation/history.h"
#include "tests/fault/simulation/host.h"
#include "tests/fault/simulation/invariants.h"
#include "tests/fault/simulation/ledger.h"
#include "tests/fault/simulation/network.h"
#include "tests/fault/simulation/user.h"
#include "tests/fault/simulation/worker_process.h"
#include "tests/fault/simulation/world.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain::simulation {

// Bound to one thread.
class Lab {
 public:
  explicit Lab(uint64_t seed);
  ~Lab();

  void Schedule(const Operation& operation);
  // Runs until nothing is left to happen before `end`, or a promise is broken.
  void RunUntil(absl::Duration end);
  // Ends all faults and waits, within bounds, for every job to end; then for the sweeps.
  void Settle();
  bool broken() const { return !world_.broken().empty(); }
  Outcome Finish();

 private:
  static constexpr size_t kHosts = 3;
  struct Station {
    Host host;
    std::unique_ptr<WorkerProcess> agent;
    int64_t incarnations = 0;
    int64_t life = 0;  // counts deaths of the agent; a start that belongs to an earlier one is void
  };

  void Check();
  void Apply(const Operation& operation);
  void ApplyToUser(const Operation& operation);
  void ApplyToCoordinator(const Operation& operation);
  void ApplyToHost(const Operation& operation);
  void CutLink(uint64_t choice);
  Station& AnyStation(uint64_t choice) { return stations_[choice % kHosts]; }
  absl::Duration Downtime(uint64_t choice) const;

  void StartCoordinator();
  void StartAgent(Station& station);
  void KillAgent(Station& station, absl::Duration downtime);
  void AwaitDrain(Station& station, absl::Duration downtime);
  Trainer* AnyTrainer(uint64_t choice);
  bool IsHeld(const v1::Attempt& attempt) const;
  void ResumePaused();
  void LiftCordons();
  bool Quiet() const;

  TemporaryFolder folder_;
  World world_;
  Ledger ledger_;
  Network network_;
  CoordinatorProcess coordinator_;
  Invariants invariants_;
  User user_;
  std::array<Station, kHosts> stations_;
  bool disk_full_ = false;
  absl::Duration coordinator_downtime_;  // after its next death
  bool settling_ = false;
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_LAB_H_
