#include "tests/fault/simulation/worker_process.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/coordinator/attempt_reports.h"
#include "tests/fault/simulation/held_run.h"

namespace ecgtrain::simulation {
namespace {

constexpr absl::Duration kReportDeadline = absl::Seconds(15);

}  // namespace

WorkerProcess::WorkerProcess(const WorkerContext& context, std::string incarnation)
    : context_(context), incarnation_(std::move(incarnation)) {
  context_.world.Note(absl::StrCat(context_.host.name, ": agent ", incarnation_, " starts"));
  context_.host.on_trainer_end = [this](const Host::Key& key, const ProcessEnd& end) {
    const auto run = runs_.find(key);
    if (run != runs_.end()) run->second->NoteExit(end);
  };
  for (auto& [key, directory] : context_.host.directories) {
    if (!directory.prepared || directory.finished) continue;
    runs_[key] = std::make_unique<HeldRun>(context_, key, /*adopt=*/true, [this, key = key] {
      After(absl::ZeroDuration(), [this, key] { runs_.erase(key); });
    });
  }
  Loop();
}

WorkerProcess::~WorkerProcess() {
  *alive_ = false;
  context_.host.on_trainer_end = [](const Host::Key&, const ProcessEnd&) {};
}

void WorkerProcess::After(absl::Duration delay, std::function<void()> event) {
  context_.world.After(delay, [alive = alive_, event = std::move(event)] {
    if (*alive) event();
  });
}

void WorkerProcess::Drain() {
  context_.world.Note(absl::StrCat(context_.host.name, " drains"));
  draining_ = true;
  registered_ = false;
  for (const auto& [key, run] : runs_) run->Stop(v1::STOP_DRAIN, /*now=*/false);
}

bool WorkerProcess::drained() const { return draining_ && runs_.empty(); }

void WorkerProcess::Loop() { registered_ ? Beat() : Register(); }

void WorkerProcess::AfterCall(const absl::Status& status, bool empty) {
  if (absl::IsFailedPrecondition(status)) registered_ = false;
  const absl::Duration pause = status.ok()
                                   ? (empty ? absl::Milliseconds(20) : absl::Milliseconds(1))
                                   : context_.world.random.Between(absl::Milliseconds(500), absl::Seconds(4));
  After(pause, [this] { Loop(); });
}

void WorkerProcess::Register() {
  v1::RegisterWorkerRequest request;
  request.set_name(context_.host.name);
  request.set_host(context_.host.name);
  request.set_incarnation(incarnation_);
  for (const auto& [key, run] : runs_) *request.add_attempts() = run->attempt();
  const bool draining = draining_;
  if (!draining) request.mutable_devices()->Add(context_.host.devices.begin(), context_.host.devices.end());
  context_.network.Call<v1::RegisterWorkerResponse>(
      context_.host.name, kReportDeadline,
      [&coordinator = context_.coordinator, request](Done<v1::RegisterWorkerResponse> answer) {
        coordinator.Handle<v1::RegisterWorkerResponse>(std::move(answer), [&](Coordinator& c, auto reply) {
          c.sessions().Register(request, std::move(reply));
        });
      },
      [this, alive = alive_, draining](absl::StatusOr<v1::RegisterWorkerResponse> answer) {
        if (!*alive) return;
        if (answer.ok()) {
          registered_ = draining == draining_;
          session_ = answer->session();
        }
        AfterCall(answer.status(), /*empty=*/false);
      });
}

void WorkerProcess::Beat() {
  v1::HeartbeatRequest request;
  request.set_worker(context_.host.name);
  request.set_session(session_);
  request.set_beat(++beat_);
  for (const auto& [key, run] : runs_) {
    if (!run->done()) *request.add_attempts() = run->Held();
  }
  context_.network.Call<v1::HeartbeatResponse>(
      context_.host.name, kReportDeadline,
      [&coordinator = context_.coordinator, request](Done<v1::HeartbeatResponse> answer) {
        coordinator.HandleHeartbeat(request, std::move(answer));
      },
      [this, alive = alive_](absl::StatusOr<v1::HeartbeatResponse> answer) {
        if (!*alive) return;
        const bool empty = answer.ok() && answer->ByteSizeLong() == 0;
        if (answer.ok()) Apply(*answer);
        AfterCall(answer.status(), empty);
      });
}

HeldRun* WorkerProcess::Find(const v1::AttemptRef& attempt) {
  const auto run = runs_.find({attempt.job_id(), attempt.attempt()});
  return run != runs_.end() && SameAttempt(run->second->attempt(), attempt) ? run->second.get() : nullptr;
}

void WorkerProcess::Apply(const v1::HeartbeatResponse& response) {
  for (const v1::AttemptRef& attempt : response.forget()) {
    if (HeldRun* run = Find(attempt); run != nullptr) run->Abandon(/*now=*/false);
  }
  for (const v1::StopOrder& order : response.stop()) {
    if (HeldRun* run = Find(order.attempt()); run != nullptr) run->Stop(order.why(), order.now());
  }
  for (const v1::Assignment& assignment : response.start()) ApplyStart(assignment);
}

void WorkerProcess::ApplyStart(const v1::Assignment& assignment) {
  const Host::Key key(assignment.attempt().job_id(), assignment.attempt().attempt());
  if (const auto known = runs_.find(key); known != runs_.end()) {
    if (!SameAttempt(known->second->attempt(), assignment.attempt())) known->second->Abandon(/*now=*/true);
    return;
  }
  if (draining_) return Refuse(assignment.attempt());
  if (const auto old = context_.host.directories.find(key);
      old != context_.host.directories.end() && old->second.finished)
    return;
  context_.host.directories[key] = RunDirectory{.assignment = assignment};
  runs_[key] = std::make_unique<HeldRun>(context_, key, /*adopt=*/false, [this, key] {
    After(absl::ZeroDuration(), [this, key] { runs_.erase(key); });
  });
}

void WorkerProcess::Refuse(const v1::AttemptRef& attempt) {
  v1::FinishAttemptRequest request;
  *request.mutable_attempt() = attempt;
  request.set_reason(v1::DRAINED);
  context_.network.Call<v1::FinishAttemptResponse>(
      context_.host.name, kReportDeadline,
      [&coordinator = context_.coordinator, request](Done<v1::FinishAttemptResponse> answer) {
        coordinator.HandleReport<v1::FinishAttemptResponse>(
            request.attempt(), std::move(answer), [request](Coordinator& c, auto reply) {
              FinishAttempt(c.mutations(), request, std::move(reply));
            });
      },
      [](const absl::StatusOr<v1::FinishAttemptResponse>&) {});  // the order comes again
}

}  // namespace ecgtrain::simulation
