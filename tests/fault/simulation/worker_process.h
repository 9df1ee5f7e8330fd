// The agent of a host as a process that can die: a model of worker/agent.
//
// The real Agent, AttemptRunner, Shipper and Uploader run on threads of their own, over real processes and
// files, and cannot be driven step by step. The model follows them statement by statement in what they say to
// the coordinator and do with its answers; what of theirs is pure decides here too: StrongerStop, DecideEnd,
// DecideFailedStart. The real ones meet the real coordinator in tests/integration.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_WORKER_PROCESS_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_WORKER_PROCESS_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/fault/simulation/coordinator_process.h"
#include "tests/fault/simulation/host.h"
#include "tests/fault/simulation/ledger.h"
#include "tests/fault/simulation/network.h"
#include "tests/fault/simulation/world.h"

namespace ecgtrain::simulation {

class HeldRun;

// What an agent and its attempts share.
struct WorkerContext {
  World& world;
  Network& network;
  CoordinatorProcess& coordinator;
  Ledger& ledger;
  Host& host;
};

// Bound to one thread. Destroying it is kill -9: trainers go on.
class WorkerProcess {
 public:
  WorkerProcess(const WorkerContext& context, std::string incarnation);
  ~WorkerProcess();

  // As SIGTERM.
  void Drain();
  bool drained() const;
  bool idle() const { return runs_.empty(); }

 private:
  void Loop();
  void Register();
  void Beat();
  void AfterCall(const absl::Status& status, bool empty);
  void Apply(const v1::HeartbeatResponse& response);
  void ApplyStart(const v1::Assignment& assignment);
  void Refuse(const v1::AttemptRef& attempt);
  HeldRun* Find(const v1::AttemptRef& attempt);
  void After(absl::Duration delay, std::function<void()> event);

  const WorkerContext context_;
  const std::string incarnation_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with what is scheduled
  std::map<Host::Key, std::unique_ptr<HeldRun>> runs_;
  std::string session_;
  uint64_t beat_ = 0;
  bool registered_ = false;
  bool draining_ = false;
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_WORKER_PROCESS_H_
