#include "worker/agent/attempt_runner.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/retry_policy.h"
#include "common/durable_file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "worker/agent/preparation.h"
#include "worker/agent/trainer_command.h"

namespace ecgtrain {
namespace {

ShipperOptions OptionsOf(const AgentSettings& settings) {
  return {.poll = settings.poll, .upload_time = settings.upload_time};
}

}  // namespace

AttemptRunner::AttemptRunner(RunnerServices& services, const v1::Assignment& assignment,
                             absl::Duration stop_grace, std::function<void()> on_done)
    : AttemptRunner(services, AttemptDirectory(services.attempts, assignment.attempt()), assignment,
                    stop_grace, std::move(on_done)) {}

AttemptRunner::AttemptRunner(RunnerServices& services, const AttemptDirectory& directory,
                             absl::Duration stop_grace, std::function<void()> on_done)
    : AttemptRunner(services, directory, std::nullopt, stop_grace, std::move(on_done)) {}

AttemptRunner::AttemptRunner(RunnerServices& services, const AttemptDirectory& directory,
                             std::optional<v1::Assignment> assignment, absl::Duration stop_grace,
                             std::function<void()> on_done)
    : services_(services),
      directory_(directory),
      assignment_(std::move(assignment)),
      on_done_(std::move(on_done)),
      interrupt_(services.clock),
      cursor_(directory_.File(run_directory::kCursorFile)),
      shipper_(directory_, cursor_, services.link, services.uploader, services.clock,
               OptionsOf(services.settings)),
      stop_grace_(stop_grace) {
  thread_ = std::thread([this] { Run(); });
}

AttemptRunner::~AttemptRunner() {
  Leave();
  thread_.join();
}

v1::HeldAttempt AttemptRunner::Held() {
  v1::HeldAttempt held;
  *held.mutable_attempt() = attempt();
  MutexLock lock(mutex_);
  held.set_state(state_);
  return held;
}

bool AttemptRunner::done() {
  MutexLock lock(mutex_);
  return done_;
}

bool AttemptRunner::leaving() {
  MutexLock lock(mutex_);
  return leaving_;
}

void AttemptRunner::SetState(v1::HeldAttempt::State state) {
  MutexLock lock(mutex_);
  state_ = state;
}

void AttemptRunner::AskToEnd(bool now) {
  if (!end_asked_.has_value()) end_asked_ = services_.clock.Monotonic();
  end_now_ = end_now_ || now;
  changed_.NotifyAll();
}

absl::Duration AttemptRunner::KillAt() const {
  if (!end_asked_.has_value()) return absl::InfiniteDuration();
  return end_now_ ? *end_asked_ : *end_asked_ + stop_grace_;
}

void AttemptRunner::SetStopGrace(absl::Duration grace) {
  MutexLock lock(mutex_);
  stop_grace_ = grace;
  changed_.NotifyAll();
}

void AttemptRunner::Stop(v1::StopRequest why, bool now) {
  {
    MutexLock lock(mutex_);
    stop_ = StrongerStop(stop_, why);
    AskToEnd(now);
    if (state_ != v1::HeldAttempt::PREPARING) return;
  }
  interrupt_.Cancel();
}

void AttemptRunner::Abandon(bool now) {
  {
    MutexLock lock(mutex_);
    abandoned_ = true;
    AskToEnd(now);
  }
  shipper_.Leave();
  interrupt_.Cancel();
}

void AttemptRunner::Leave() {
  {
    MutexLock lock(mutex_);
    leaving_ = true;
    changed_.NotifyAll();
  }
  shipper_.Leave();
  interrupt_.Cancel();
}

void AttemptRunner::Run() {
  const absl::Status started = assignment_.has_value() ? Start() : Adopt();
  if (started.ok()) Supervise();
  const bool left = leaving();
  if (!left) {
    SetState(v1::HeldAttempt::SHIPPING);
    shipper_.TrainerGone();
  }
  trainer_.reset();
  if (reserved_) services_.reservations.Release(devices_);
  if (shipping_.joinable()) shipping_.join();
  if (leaving()) return;
  bool abandoned = false;
  {
    MutexLock lock(mutex_);
    abandoned = abandoned_;
  }
  if (!abandoned && !absl::IsAborted(started)) {
    Finish(EndOf(started));
  } else {
    MoveToOrphans();
  }
  if (leaving()) return;
  {
    MutexLock lock(mutex_);
    done_ = true;
  }
  on_done_();
}

absl::Status AttemptRunner::Start() {
  devices_.assign(assignment_->devices().begin(), assignment_->devices().end());
  RETURN_IF_ERROR(directory_.Create());
  const std::filesystem::path log = directory_.File(run_directory::kLogFile);
  log_ = UniqueFd(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log_.valid()) return FileError(errno, "create", log);
  shipping_ = std::thread([this] { Ship(); });
  ASSIGN_OR_RETURN(const TrainerSpec spec,
                   PrepareAttempt(services_, *assignment_, directory_, log_.get(), interrupt_));
  reserved_ = services_.reservations.Acquire(devices_, interrupt_);
  if (!reserved_) return absl::CancelledError("stopped before the start");
  return Spawn(spec.device);
}

absl::Status AttemptRunner::Spawn(const TrainerDevice& device) {
  const ChildOptions command = TrainerCommand(services_.settings.trainer, directory_, device, log_.get());
  ASSIGN_OR_RETURN(trainer_, ChildProcess::Spawn(command, [this](const ProcessEnd& end) { NoteExit(end); }));
  LogInfo("trainer started", {{"attempt", AttemptName(attempt())}, {"pid", trainer_->pid()}});
  log_.Reset();
  const ProcessRecord record{.pid = trainer_->pid(),
                             .start_time = trainer_->start_time(),
                             .token = attempt().token(),
                             .devices = devices_};
  absl::Status written = directory_.WriteProcess(record);
  written.Update(directory_.Sync());
  // A successor finds the process by its command line then.
  if (!written.ok()) LogWarning("process record not written", {{"error", written.message()}});
  SetState(v1::HeldAttempt::TRAINING);
  return absl::OkStatus();
}

absl::Status AttemptRunner::Adopt() {
  shipping_ = std::thread([this] { Ship(); });
  SetState(v1::HeldAttempt::TRAINING);
  const v1::StopRequest stop = cursor_.Get().stop;
  if (stop != v1::STOP_NONE) Stop(stop, /*now=*/false);
  absl::StatusOr<ProcessRecord> record = directory_.ReadProcess();
  if (absl::IsNotFound(record.status())) {
    // Our predecessor died between the start and the note of it.
    const std::optional<pid_t> pid = FindProcessWithArgument(directory_.path().string());
    if (pid.has_value())
      record = ProcessRecord{.pid = *pid, .start_time = ProcessStartTime(*pid).value_or(0)};
  }
  if (record.ok()) {
    devices_ = record->devices;
    absl::StatusOr<std::unique_ptr<ChildProcess>> trainer = ChildProcess::Adopt(
        record->pid, record->start_time, [this](const ProcessEnd& end) { NoteExit(end); });
    if (trainer.ok()) {
      trainer_ = *std::move(trainer);
      services_.reservations.Take(devices_);
      reserved_ = true;
      LogInfo("trainer adopted", {{"attempt", AttemptName(attempt())}, {"pid", trainer_->pid()}});
      return absl::OkStatus();
    }
  }
  LogWarning("trainer ended while the worker was away", {{"attempt", AttemptName(attempt())}});
  NoteExit({});
  return absl::OkStatus();
}

void AttemptRunner::NoteExit(const ProcessEnd& end) {
  MutexLock lock(mutex_);
  end_ = end;
  changed_.NotifyAll();
}

AttemptRunner::Action AttemptRunner::WaitForAction(bool terminated, bool killed) {
  MutexLock lock(mutex_);
  while (true) {
    if (end_.has_value()) return Action::kGone;
    if (leaving_) return Action::kLeave;
    if (!killed && services_.clock.Monotonic() >= KillAt()) return Action::kKill;
    if (!killed && !terminated && end_asked_.has_value()) return Action::kTerminate;
    services_.clock.WaitUntil(changed_, mutex_, killed ? absl::InfiniteDuration() : KillAt());
  }
}

void AttemptRunner::Supervise() {
  bool terminated = false;
  bool killed = false;
  while (true) {
    const Action action = WaitForAction(terminated, killed);
    if (action == Action::kGone || action == Action::kLeave) return;
    v1::StopRequest why = v1::STOP_NONE;
    {
      MutexLock lock(mutex_);
      why = stop_;
    }
    // Before the signal: a successor must know that the end was asked for.
    const absl::Status noted = cursor_.Update([why](CursorRecord& record) { record.stop = why; });
    if (!noted.ok()) LogWarning("stop not noted", {{"error", noted.message()}});
    SetState(v1::HeldAttempt::STOPPING);
    if (action == Action::kTerminate) {
      terminated = true;
      trainer_->Terminate();
    } else {
      killed = true;
      trainer_->Kill();
    }
    LogInfo(killed ? "trainer killed" : "trainer asked to stop",
            {{"attempt", AttemptName(attempt())}, {"why", v1::StopRequest_Name(why)}});
  }
}

void AttemptRunner::Ship() {
  const Shipper::Outcome outcome = shipper_.Run();
  if (outcome != Shipper::Outcome::kStale && outcome != Shipper::Outcome::kUnknown) return;
  LogWarning("attempt is not this worker's any more",
             {{"attempt", AttemptName(attempt())}, {"unknown", outcome == Shipper::Outcome::kUnknown}});
  // A stale token means that another may run the job already; an unknown attempt may still leave a last
  // checkpoint.
  Abandon(/*now=*/outcome == Shipper::Outcome::kStale);
}

AttemptEnd AttemptRunner::EndOf(const absl::Status& started) {
  v1::StopRequest stop = v1::STOP_NONE;
  ProcessEnd process;
  {
    MutexLock lock(mutex_);
    stop = stop_;
    process = end_.value_or(ProcessEnd{});
  }
  if (!started.ok()) return DecideFailedStart(started, stop);
  const absl::StatusOr<ExitRecord> record = directory_.ReadExit();
  AttemptEnd end = DecideEnd(record.ok() ? std::optional<ExitRecord>(*record) : std::nullopt, process, stop,
                             memory_kills_.Happened());
  end.step = std::max(end.step, shipper_.step());
  return end;
}

void AttemptRunner::Finish(const AttemptEnd& end) {
  LogInfo("attempt ended", {{"attempt", AttemptName(attempt())},
                            {"reason", v1::EndReason_Name(end.reason)},
                            {"message", end.message}});
  v1::FinishAttemptRequest request;
  *request.mutable_attempt() = attempt();
  request.set_reason(end.reason);
  request.set_message(end.message);
  request.set_exit_code(end.exit_code);
  request.set_step(end.step);
  Backoff backoff({}, SystemRandom());
  while (!leaving()) {
    const absl::Status status = services_.link.FinishAttempt(request).status();
    if (absl::IsAborted(status)) return MoveToOrphans();
    if (status.ok()) break;
    LogWarning("end not taken, trying again",
               {{"attempt", AttemptName(attempt())}, {"error", status.ToString()}});
    const absl::Duration deadline = services_.clock.Monotonic() + backoff.Next();
    MutexLock lock(mutex_);
    while (!leaving_ && services_.clock.Monotonic() < deadline) {
      services_.clock.WaitUntil(changed_, mutex_, deadline);
    }
  }
  if (leaving()) return;
  const absl::Time now = services_.clock.Now();
  const absl::Status noted = cursor_.Update([now](CursorRecord& record) { record.finished = now; });
  // Our successor asks again, and is answered the same.
  if (!noted.ok()) LogWarning("end not noted", {{"error", noted.message()}});
}

void AttemptRunner::MoveToOrphans() {
  std::error_code error;
  if (!std::filesystem::exists(directory_.path(), error)) return;
  const std::filesystem::path target =
      services_.orphans / absl::StrCat(AttemptName(attempt()), "-", attempt().token());
  std::filesystem::remove_all(target, error);
  // The time from which on it is kept; a folder that cannot be touched keeps its last one.
  std::filesystem::last_write_time(directory_.path(), std::filesystem::file_time_type::clock::now(), error);
  absl::Status status = MakeDirectories(services_.orphans);
  if (status.ok()) status = RenameDurably(directory_.path(), target);
  if (!status.ok()) LogError("run directory not moved to the orphans", {{"error", status.message()}});
}

}  // namespace ecgtrain
