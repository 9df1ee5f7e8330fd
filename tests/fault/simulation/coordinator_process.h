// The coordinator as a process that can die: the real one over the real SQLite store and the directory
// artifact store, on disks that fail on command.
//
// Left out is only what needs gRPC: handlers of server/api that authorise and convert are stood in for by the
// few lines here, held heartbeats by a list that the real NotificationHub wakes. The maintenance thread is
// not started: its rounds are run by hand, where its loop would run them.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_COORDINATOR_PROCESS_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_COORDINATOR_PROCESS_H_

#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "server/coordinator/coordinator.h"
#include "server/store/store_observer.h"
#include "tests/fault/fault_files.h"
#include "tests/fault/simulation/network.h"
#include "tests/fault/simulation/world.h"
#include "tests/fault/waiting_store.h"
#include "tests/server/store/fault_vfs.h"

namespace ecgtrain::simulation {

// Times, shortened against the defaults of the service.
inline constexpr absl::Duration kHold = absl::Seconds(8);
inline constexpr absl::Duration kLease = absl::Seconds(60);
inline constexpr absl::Duration kStopGrace = absl::Seconds(20);
CoordinatorOptions ShortTimes();

// Bound to one thread.
class CoordinatorProcess {
 public:
  // `folder` is there and empty.
  CoordinatorProcess(World& world, std::filesystem::path folder, const CoordinatorOptions& options);
  ~CoordinatorProcess();

  bool running() const { return coordinator_ != nullptr; }
  // Opens store and artifacts. An error is a broken promise: they open after whatever happened.
  absl::Status Start();
  // Dies at once, or at the `n`th operation from now on its database or its files.
  void Crash(bool power_lost);
  void CrashAtStoreOperation(int64_t n, bool power_lost);
  void CrashAtFileOperation(int64_t n, bool power_lost);
  // Crashes that are armed do not come any more.
  void Disarm();
  // The disk of database and files takes nothing more.
  void SetDiskFull(bool full);

  // A request has arrived. UNAVAILABLE is answered while there is no process; a process that dies answers
  // nothing.
  template <typename Response>
  void Handle(Done<Response> answer, std::function<void(Coordinator&, Done<Response>)> handler) {
    if (!running()) return answer(absl::UnavailableError("connection refused"));
    handler(*coordinator_, [this, answer, life = life_](absl::StatusOr<Response> response) {
      if (life != life_ || Dying()) return;
      Judge(response.status());
      answer(std::move(response));
    });
    AfterWork();
  }
  // The same for calls of one attempt, which are signs of life of its worker (server/api/worker_checks.h).
  template <typename Response>
  void HandleReport(const v1::AttemptRef& attempt, Done<Response> answer,
                    std::function<void(Coordinator&, Done<Response>)> handler) {
    Handle<Response>(std::move(answer), [=, this](Coordinator& coordinator, Done<Response> reply) {
      if (const absl::Status heard = NoteSignOfLife(attempt); !heard.ok()) return reply(heard);
      handler(coordinator, std::move(reply));
    });
  }
  // Held as the service holds it.
  void HandleHeartbeat(const v1::HeartbeatRequest& request, Done<v1::HeartbeatResponse> answer);

  // Called after a transaction was committed and answered.
  void OnCommit(std::function<void()> check) { on_commit_ = std::move(check); }
  // Called when the process has died.
  void OnDeath(std::function<void()> died) { on_death_ = std::move(died); }

  Coordinator& coordinator() { return *coordinator_; }
  JobStore& store() { return *store_; }
  ArtifactStore& artifacts() { return *artifacts_; }
  // One round now.
  absl::Status RunMaintenance() { return coordinator_->maintenance().RunOnce(); }
  // Dies if a crash was due in what it has just done. True: it did.
  bool DieIfDue();
  int64_t store_operations() { return vfs_.operations(); }
  int64_t file_operations() { return files_.operations(); }

 private:
  class HeldBeat;
  class FatalErrors final : public StoreObserver {
   public:
    void OnCommit(const CommitStatistics& /*statistics*/) override {}
    void OnFatal(const absl::Status& /*status*/) override { fatal = true; }
    std::atomic<bool> fatal = false;
  };

  bool Dying();
  // INTERNAL is our own bug, whatever the disks do.
  void Judge(const absl::Status& status) {
    if (absl::IsInternal(status)) world_.Break(status.ToString());
  }
  void AfterWork();
  void ScheduleRound();
  void ScheduleTick();
  void Look(const std::shared_ptr<HeldBeat>& beat, bool arrived);
  absl::Status NoteSignOfLife(const v1::AttemptRef& attempt);

  World& world_;
  StandingClock store_clock_{world_.clock};
  const std::filesystem::path folder_;
  const CoordinatorOptions options_;
  FaultVfs vfs_{"simulated"};
  FaultFiles files_;
  FatalErrors errors_;
  Observer observer_;
  std::function<void()> on_commit_ = [] {};
  std::function<void()> on_death_ = [] {};

  int64_t life_ = 0;         // counts starts; what belongs to an earlier one is void
  int64_t vfs_stop_at_ = 0;  // 0: never
  bool power_lost_ = false;  // with the crash that is armed
  bool round_scheduled_ = false;
  int64_t commits_seen_ = 0;
  std::unique_ptr<WaitingStore> store_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<Coordinator> coordinator_;
  std::list<std::shared_ptr<HeldBeat>> held_;  // shared with the events scheduled for them
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_COORDINATOR_PROCESS_H_
