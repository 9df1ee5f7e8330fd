// One attempt on this worker, from the order to start it until the coordinator has acknowledged its end.
//
//   PREPARING  folders, inputs, pack, device        -> TRAINING   spawned, or adopted after a restart of the
//   worker STOPPING   asked to stop; killed after the grace -> SHIPPING   trainer gone, its files on the way
//   -> done
#ifndef ECGTRAIN_WORKER_AGENT_ATTEMPT_RUNNER_H_
#define ECGTRAIN_WORKER_AGENT_ATTEMPT_RUNNER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cancellation.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/unique_fd.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "worker/agent/attempt_directory.h"
#include "worker/agent/child_process.h"
#include "worker/agent/cursor.h"
#include "worker/agent/end_reason.h"
#include "worker/agent/memory_kills.h"
#include "worker/agent/runner_services.h"
#include "worker/agent/shipper.h"

namespace ecgtrain {

// Thread-safe. Destroying it before done() leaves the trainer running, to be adopted by the next one.
class AttemptRunner {
 public:
  // A new attempt. `on_done` is called once, on a thread of the runner, when done() has become true.
  AttemptRunner(RunnerServices& services, const v1::Assignment& assignment, absl::Duration stop_grace,
                std::function<void()> on_done);
  // One of an earlier process of this worker.
  AttemptRunner(RunnerServices& services, const AttemptDirectory& directory, absl::Duration stop_grace,
                std::function<void()> on_done);
  ~AttemptRunner();
  AttemptRunner(const AttemptRunner&) = delete;
  AttemptRunner& operator=(const AttemptRunner&) = delete;

  const v1::AttemptRef& attempt() const { return directory_.attempt(); }
  v1::HeldAttempt Held();
  bool done();

  // Asks the trainer to stop and kills it after the grace, or at once. A weaker reason never replaces a
  // stronger one; asking again does not lengthen the grace.
  void Stop(v1::StopRequest why, bool now);
  // As the coordinator says; counts for a stop under way, too, from when that was asked for.
  void SetStopGrace(absl::Duration grace);
  // The attempt is not ours any more: ends the trainer, at once or as Stop does, reports nothing, keeps the
  // directory among the orphans.
  void Abandon(bool now);
  // The threads end soon and leave the trainer alone.
  void Leave();

 private:
  enum class Action { kTerminate, kKill, kGone, kLeave };

  AttemptRunner(RunnerServices& services, const AttemptDirectory& directory,
                std::optional<v1::Assignment> assignment, absl::Duration stop_grace,
                std::function<void()> on_done);
  void Run();
  absl::Status Start();
  absl::Status Spawn(const TrainerDevice& device);
  absl::Status Adopt();
  void Supervise();
  void AskToEnd(bool now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Infinite while nobody has asked.
  absl::Duration KillAt() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Action WaitForAction(bool terminated, bool killed);
  void NoteExit(const ProcessEnd& end);
  void Ship();
  AttemptEnd EndOf(const absl::Status& started);
  void Finish(const AttemptEnd& end);
  void MoveToOrphans();
  void SetState(v1::HeldAttempt::State state);
  bool leaving();

  RunnerServices& services_;
  const AttemptDirectory directory_;
  const std::optional<v1::Assignment> assignment_;
  const std::function<void()> on_done_;
  Cancellation interrupt_;  // of preparing and finishing
  Cursor cursor_;
  Shipper shipper_;
  UniqueFd log_;
  const MemoryKills memory_kills_;
  std::vector<std::string> devices_;
  bool reserved_ = false;
  std::unique_ptr<ChildProcess> trainer_;

  Mutex mutex_;
  CondVar changed_;
  v1::HeldAttempt::State state_ ABSL_GUARDED_BY(mutex_) = v1::HeldAttempt::PREPARING;
  v1::StopRequest stop_ ABSL_GUARDED_BY(mutex_) = v1::STOP_NONE;
  absl::Duration stop_grace_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Duration> end_asked_ ABSL_GUARDED_BY(mutex_);  // when, with any request to end
  bool end_now_ ABSL_GUARDED_BY(mutex_) = false;
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  bool leaving_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<ProcessEnd> end_ ABSL_GUARDED_BY(mutex_);

  std::thread shipping_;
  std::thread thread_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_ATTEMPT_RUNNER_H_
