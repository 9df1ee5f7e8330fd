// What the coordinator does by itself: lease devices, judge silent workers and stuck trainers, sweep.
#ifndef ECGTRAIN_SERVER_COORDINATOR_MAINTENANCE_H_
#define ECGTRAIN_SERVER_COORDINATOR_MAINTENANCE_H_

#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "common/mutex.h"
#include "server/artifacts/artifact_store.h"
#include "server/coordinator/explanations.h"
#include "server/coordinator/leases.h"
#include "server/coordinator/mutation.h"

namespace ecgtrain {

struct MaintenanceOptions {
  // A round after each change and at least so often; more often where workers count as unreachable sooner.
  absl::Duration tick = absl::Seconds(5);
  absl::Duration stuck_after = absl::Minutes(30);  // without progress of the trainer
  absl::Duration sweep_every = absl::Hours(1);
  absl::Duration file_age = absl::Hours(24);  // unreferenced files and uploads nobody goes on with
  absl::Duration request_age = absl::Hours(24 * 30);
  // Told of each change, on the thread that runs rounds; may be empty.
  std::function<void(DiskLevel)> on_disk_level;
};

// Thread-safe.
class Maintenance {
 public:
  Maintenance(MutationRunner& runner, ArtifactStore& artifacts, const Leases& leases,
              Explanations& explanations, MaintenanceOptions options);
  // Stops the thread.
  ~Maintenance();

  void Start();
  // Ends the thread after the round it is in.
  void Stop();
  // Something has changed: a round soon. Returns at once.
  void Poke();

  // One round on the calling thread, as the thread runs them: for tests without it. The first error is
  // returned, what comes after it is done all the same.
  absl::Status RunOnce();

 private:
  void Loop();
  // Keeps the reserve; tells the log, the audit trail and `on_disk_level` what is given up from now on.
  absl::Status WatchDisk();
  absl::Status CheckLiveAttempts();
  absl::Status CheckAttempt(const v1::Attempt& attempt, const v1::Job& job);
  absl::Status Plan();
  absl::Status Sweep();

  MutationRunner& runner_;
  ArtifactStore& artifacts_;
  const Leases& leases_;
  Explanations& explanations_;
  const MaintenanceOptions options_;
  // Of the one thread that runs rounds.
  absl::Duration next_sweep_;
  DiskLevel disk_level_ = DiskLevel::kAmple;

  Mutex mutex_;
  CondVar changed_;
  bool poked_ ABSL_GUARDED_BY(mutex_) = true;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_MAINTENANCE_H_
