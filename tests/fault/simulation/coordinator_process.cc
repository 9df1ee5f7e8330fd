#include "tests/fault/simulation/coordinator_process.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/artifacts/directory_artifact_store.h"
#include "server/store/sqlite/sqlite_job_store.h"

namespace ecgtrain::simulation {

CoordinatorOptions ShortTimes() {
  return {.leases = {.unreachable_after = absl::Seconds(25), .lease = kLease},
          .maintenance = {.tick = absl::Seconds(10),
                          .stuck_after = absl::Seconds(70),
                          .sweep_every = absl::Minutes(1),
                          .file_age = absl::Minutes(2)},
          .stop_grace = kStopGrace,
          .retry_backoff = absl::Seconds(5)};
}

// Woken by the hub, looks a moment later: a wake-up calls nothing of the hub.
class CoordinatorProcess::HeldBeat final : public Listener {
 public:
  HeldBeat(v1::HeartbeatRequest request, Done<v1::HeartbeatResponse> answer, absl::Duration deadline,
           std::function<void()> wake)
      : request(std::move(request)), answer(std::move(answer)), deadline(deadline), wake_(std::move(wake)) {}
  void Notify() override { wake_(); }

  const v1::HeartbeatRequest request;
  const Done<v1::HeartbeatResponse> answer;
  const absl::Duration deadline;
  bool over = false;

 private:
  std::function<void()> wake_;
};

CoordinatorProcess::CoordinatorProcess(World& world, std::filesystem::path folder,
                                       const CoordinatorOptions& options)
    : world_(world), folder_(std::move(folder)), options_(options), files_(folder_ / "artifacts") {
  std::filesystem::create_directory(folder_ / "artifacts");
}

CoordinatorProcess::~CoordinatorProcess() {
  if (running()) Crash(/*power_lost=*/false);
}

absl::Status CoordinatorProcess::Start() {
  errors_.fatal = false;
  ASSIGN_OR_RETURN(std::unique_ptr<JobStore> store,
                   SqliteJobStore::Open({.path = (folder_ / "coordinator.db").string(),
                                         .clock = store_clock_,
                                         .observer = &errors_,
                                         .readers = 1,
                                         .vfs = vfs_.name()}));
  ASSIGN_OR_RETURN(artifacts_,
                   DirectoryArtifactStore::Open(
                       {.root = folder_ / "artifacts", .clock = world_.clock, .reserve_bytes = 0}));
  store_ = std::make_unique<WaitingStore>(std::move(store));
  coordinator_ = std::make_unique<Coordinator>(*store_, *artifacts_, world_.clock, observer_, options_);
  commits_seen_ = 0;
  round_scheduled_ = false;
  world_.Note("coordinator starts");
  ScheduleTick();
  ScheduleRound();
  on_commit_();
  return absl::OkStatus();
}

void CoordinatorProcess::Crash(bool power_lost) {
  world_.Note(power_lost ? "coordinator loses power" : "coordinator is killed");
  ++life_;
  // Nothing that the destructors do reaches the disk.
  vfs_.FailOperation(1, Fault::kPowerCut);
  files_.StopAt(1);
  held_.clear();
  coordinator_.reset();
  artifacts_.reset();
  store_.reset();
  vfs_.Disarm();
  files_.Disarm();
  vfs_stop_at_ = 0;
  if (power_lost) {
    vfs_.LoseUnsyncedWrites();
    files_.LoseUnsynced();
  }
  on_death_();
}

void CoordinatorProcess::CrashAtStoreOperation(int64_t n, bool power_lost) {
  power_lost_ = power_lost;
  vfs_stop_at_ = vfs_.operations() + n;
  vfs_.FailOperation(n, Fault::kPowerCut);
}

void CoordinatorProcess::CrashAtFileOperation(int64_t n, bool power_lost) {
  power_lost_ = power_lost;
  files_.StopAt(n);
}

void CoordinatorProcess::Disarm() {
  vfs_.Disarm();
  files_.Disarm();
  vfs_stop_at_ = 0;
}

void CoordinatorProcess::SetDiskFull(bool full) {
  world_.Note(full ? "coordinator's disk is full" : "coordinator's disk has room");
  Disarm();
  if (full) vfs_.FailOperation(1, Fault::kNoSpace);
  files_.SetFull(full);
}

bool CoordinatorProcess::Dying() {
  return errors_.fatal || (vfs_stop_at_ != 0 && vfs_.operations() >= vfs_stop_at_) || files_.stopped();
}

bool CoordinatorProcess::DieIfDue() {
  if (!Dying()) return false;
  Crash(std::exchange(power_lost_, false));
  return true;
}

void CoordinatorProcess::AfterWork() {
  if (!running() || DieIfDue()) return;
  if (store_->commits() == commits_seen_) return;
  commits_seen_ = store_->commits();
  on_commit_();
  ScheduleRound();
}

void CoordinatorProcess::ScheduleRound() {
  if (std::exchange(round_scheduled_, true)) return;
  world_.After(world_.random.Between(absl::ZeroDuration(), absl::Milliseconds(200)), [this, life = life_] {
    if (life != life_ || !running()) return;
    round_scheduled_ = false;
    const absl::Status status = RunMaintenance();
    if (!Dying()) Judge(status);
    AfterWork();
  });
}

void CoordinatorProcess::ScheduleTick() {
  world_.After(options_.maintenance.tick, [this, life = life_] {
    if (life != life_ || !running()) return;
    ScheduleRound();
    ScheduleTick();
  });
}

absl::Status CoordinatorProcess::NoteSignOfLife(const v1::AttemptRef& attempt) {
  v1::Attempt row;
  const absl::Status found = store_->Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(row, reader.GetAttempt(attempt.job_id(), attempt.attempt()));
    return absl::OkStatus();
  });
  if (absl::IsNotFound(found)) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  if (row.token() == attempt.token() && row.state() != v1::ENDED) coordinator_->leases().Heard(row.worker());
  return absl::OkStatus();
}

void CoordinatorProcess::HandleHeartbeat(const v1::HeartbeatRequest& request,
                                         Done<v1::HeartbeatResponse> answer) {
  Handle<v1::HeartbeatResponse>(std::move(answer), [&](Coordinator& coordinator, auto reply) {
    const absl::StatusOr<bool> counts = coordinator.sessions().Accept(request);
    if (!counts.ok()) return reply(counts.status());
    if (!*counts) return reply(v1::HeartbeatResponse());
    const absl::Duration hold = kHold * (0.8 + 0.4 * static_cast<double>(world_.random.Below(1000)) / 1000);
    // Weak: the beat holds the wake-up, not the other way round.
    auto beat = std::make_shared<std::weak_ptr<HeldBeat>>();
    const auto look = [this, life = life_, beat] {
      world_.After(absl::Milliseconds(1), [this, life, beat] {
        const std::shared_ptr<HeldBeat> held = beat->lock();
        if (life == life_ && held != nullptr) Look(held, /*arrived=*/false);
      });
    };
    const absl::Duration deadline = world_.Elapsed() + hold;
    auto held = std::make_shared<HeldBeat>(request, std::move(reply), deadline, look);
    *beat = held;
    held_.push_back(held);
    coordinator.hub().Subscribe(WorkerTopic(request.worker()), *held);
    world_.After(hold, look);
    ScheduleRound();
    Look(held, /*arrived=*/true);
  });
}

void CoordinatorProcess::Look(const std::shared_ptr<HeldBeat>& beat, bool arrived) {
  if (beat->over) return;
  const bool must_answer = world_.Elapsed() >= beat->deadline;
  auto answer = coordinator_->sessions().Answer(beat->request, arrived, must_answer);
  if (answer.ok() && !answer->has_value()) return arrived ? void() : AfterWork();
  beat->over = true;
  coordinator_->hub().Unsubscribe(WorkerTopic(beat->request.worker()), *beat);
  held_.remove(beat);
  if (answer.ok()) {
    beat->answer(**std::move(answer));
  } else {
    beat->answer(answer.status());
  }
  if (!arrived) AfterWork();
}

}  // namespace ecgtrain::simulation
