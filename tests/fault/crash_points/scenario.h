// A short life of a lab as a list of requests, each of which may be repeated until it is answered: submit,
// lease, report, checkpoints stored and retired, pause, resume, finish, cancel, requeue, sweep.
#ifndef ECGTRAIN_TESTS_FAULT_CRASH_POINTS_SCENARIO_H_
#define ECGTRAIN_TESTS_FAULT_CRASH_POINTS_SCENARIO_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/fault/simulation/coordinator_process.h"
#include "tests/fault/simulation/ledger.h"
#include "tests/fault/simulation/world.h"

namespace ecgtrain {

// Who asks: a worker of one device and a person. What they know survives the coordinator's crashes, as it
// does in life. Bound to one thread.
class Scenario {
 public:
  struct Step {
    std::string name;
    std::function<absl::Status(Coordinator&)> run;
  };

  explicit Scenario(simulation::World& world) : world_(world) {}

  // To be run in order, each again until it is OK.
  std::vector<Step> Steps();
  const simulation::Ledger& ledger() const { return ledger_; }

 private:
  Step Submit();
  // A round of maintenance, then the next start order.
  Step Lease(const std::string& name);
  Step Report(const std::string& name, std::vector<v1::TrainerEvent> events, const std::string& log);
  Step Upload(const std::string& name, const std::string& content);
  Step Finish(v1::EndReason reason);
  template <typename Request, typename Response>
  Step Command(const std::string& name, int64_t job,
               void (*method)(MutationRunner&, const struct Caller&, const Request&, Reply<Response>));
  Step Sweep();
  Step Advance(absl::Duration step);

  absl::Status Register(Coordinator& coordinator);
  absl::StatusOr<v1::HeartbeatResponse> Beat(Coordinator& coordinator);

  simulation::World& world_;
  simulation::Ledger ledger_;
  std::string session_;
  uint64_t beat_ = 0;
  uint64_t seq_ = 0;
  uint64_t log_offset_ = 0;
  int requests_ = 0;
  v1::AttemptRef attempt_;  // the last one ordered
  bool held_ = false;       // it has begun, and its end is not acknowledged
};

// Everything that the store and the files say, times left out: what two runs have in common that came to the
// same.
std::string Describe(JobStore& store, ArtifactStore& artifacts);

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FAULT_CRASH_POINTS_SCENARIO_H_
