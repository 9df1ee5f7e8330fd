// The worker: registers, tells the coordinator by held calls what it runs, and brings what it runs in line
// with the answers.
//
// The answers are sets, not commands: "start" for an attempt that is here already does nothing, a lost answer
// is repeated by the next. While the coordinator is away everything goes on and waits on disk.
#ifndef ECGTRAIN_WORKER_AGENT_AGENT_H_
#define ECGTRAIN_WORKER_AGENT_AGENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cancellation.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/unique_fd.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "worker/agent/attempt_runner.h"
#include "worker/agent/coordinator_link.h"
#include "worker/agent/settings.h"

namespace ecgtrain {

// Thread-safe.
class Agent {
 public:
  // Takes the state folder: FAILED_PRECONDITION when another worker has it. `on_over` is called once, on a
  // thread of the agent, when it is drained or has been idle for long enough.
  static absl::StatusOr<std::unique_ptr<Agent>> Create(const AgentSettings& settings,
                                                       std::vector<v1::Device> devices, CoordinatorLink& link,
                                                       Clock& clock, std::function<void()> on_over);
  // As Leave.
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Takes no new attempts, asks the trainers to stop with a checkpoint, ships what they leave; then
  // `on_over`.
  void Drain();

  // Ends all threads and calls at once. Trainers go on, for a successor on the same state folder to adopt.
  void Leave();

 private:
  using Key = std::pair<int64_t, uint32_t>;

  Agent(const AgentSettings& settings, std::vector<v1::Device> devices, CoordinatorLink& link, Clock& clock,
        std::function<void()> on_over, UniqueFd state_lock);
  absl::Status ResumeAttempts();
  void BeatLoop();
  absl::Status Register();
  absl::Status Beat();
  void Apply(const v1::HeartbeatResponse& response);
  void ApplyStart(const v1::Assignment& assignment);
  void ApplyStop(const v1::StopOrder& order);
  void ApplyForget(const v1::AttemptRef& attempt);
  void Refuse(const v1::AttemptRef& attempt);
  void TendLoop();
  // Removes the runners that are done; true when the agent's work is over.
  bool Tend(absl::Duration now);
  std::function<void()> WakeTender();
  // Soon: what the worker advertises has changed.
  void RegisterAgain();

  const AgentSettings settings_;
  const std::vector<v1::Device> devices_;
  CoordinatorLink& link_;
  Clock& clock_;
  const std::function<void()> on_over_;
  const UniqueFd state_lock_;
  const std::string incarnation_;
  Uploader uploader_;
  PackStore packs_;
  DeviceReservations reservations_;
  RunnerServices services_;
  Cancellation leave_;

  Mutex mutex_;
  CondVar tend_;
  std::map<Key, std::unique_ptr<AttemptRunner>> runners_ ABSL_GUARDED_BY(mutex_);
  absl::Duration stop_grace_ ABSL_GUARDED_BY(mutex_) = absl::Minutes(2);
  bool registered_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;  // of what is advertised
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool leaving_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration drain_until_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  absl::Duration idle_since_ ABSL_GUARDED_BY(mutex_);

  // Of the beat thread.
  std::string session_;
  uint64_t beat_ = 0;
  std::thread beat_thread_;
  std::thread tend_thread_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_AGENT_H_
