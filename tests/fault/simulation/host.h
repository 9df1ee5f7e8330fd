// One GPU server: its disk, its trainers, its devices. What survives what is the point: trainers outlive
// their agent, run directories outlive the host's loss of power (up to what was not synced), nothing outlives
// a new disk.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_HOST_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_HOST_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ecgtrain/v1/worker_service.pb.h"
#include "tests/fault/simulation/ledger.h"
#include "tests/fault/simulation/world.h"
#include "worker/agent/attempt_directory.h"
#include "worker/agent/child_process.h"

namespace ecgtrain::simulation {

// As on a worker's disk.
struct RunDirectory {
  v1::Assignment assignment;
  bool prepared = false;  // spec.json is there: a successor of the agent takes the attempt up
  std::vector<v1::TrainerEvent> events;
  std::string log;
  std::map<std::string, std::string> files;  // of checkpoints, by digest
  std::optional<ExitRecord> exit;
  v1::StopRequest stop = v1::STOP_NONE;  // noted before the signal
  bool reported = false;                 // the coordinator knows that the trainer has begun
  bool finished = false;                 // the end is acknowledged
};

// A trainer process. Writes to its run directory only. Bound to one thread.
class Trainer {
 public:
  // `ended` is called when the process is gone.
  Trainer(World& world, Ledger& ledger, RunDirectory& directory,
          std::function<void(const ProcessEnd&)> ended);
  ~Trainer() { *alive_ = false; }

  void Terminate() { stopping_ = true; }
  void Kill();
  // Goes on existing, does nothing.
  void Hang() { hung_ = true; }

 private:
  void NextStep();
  void Step();
  void Append(v1::TrainerEvent event);
  void WriteCheckpoint();
  void RemoveOldCheckpoints();
  void Complete();
  void Exit(run_directory::ExitReason reason, const std::string& message);
  void End(const ProcessEnd& end);

  World& world_;
  Ledger& ledger_;
  RunDirectory& directory_;
  const std::function<void(const ProcessEnd&)> ended_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with scheduled steps
  const std::string script_;
  uint64_t step_ = 0;
  uint64_t total_ = 0;
  bool stopping_ = false;
  bool hung_ = false;
  std::vector<v1::CheckpointEvent> kept_;
};

// Bound to one thread.
struct Host {
  using Key = std::pair<int64_t, uint32_t>;  // job, attempt

  std::string name;
  std::vector<v1::Device> devices;
  std::map<Key, RunDirectory> directories;
  std::map<Key, std::unique_ptr<Trainer>> trainers;
  std::set<std::string> busy;  // devices that a trainer has
  // Told to whoever watches the trainers; without an agent nobody does.
  std::function<void(const Key&, const ProcessEnd&)> on_trainer_end = [](const Key&, const ProcessEnd&) {};
};

// Starts a trainer on its devices.
void SpawnTrainer(World& world, Ledger& ledger, Host& host, const Host::Key& key);

// All processes end; what was written lately is lost, or all of the disk.
void LosePower(World& world, Ledger& ledger, Host& host, bool disk_lost);

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_HOST_H_
