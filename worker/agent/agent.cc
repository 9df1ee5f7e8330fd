#include "worker/agent/agent.h"

#include <unistd.h>

#include <algorithm>

#include "client/retry_policy.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "worker/agent/state_folder.h"
#include "worker/agent/sweeper.h"

namespace ecgtrain {
namespace {

constexpr uint32_t kApiVersion = 1;
constexpr absl::Duration kSweepInterval = absl::Minutes(10);
// A coordinator that answers without holding the call must not be asked in a tight loop.
constexpr absl::Duration kShortestBeat = absl::Milliseconds(20);

std::string HostName() {
  char host[256] = {};
  return gethostname(host, sizeof host - 1) == 0 ? host : "unknown";
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Create(const AgentSettings& settings,
                                                     std::vector<v1::Device> devices, CoordinatorLink& link,
                                                     Clock& clock, std::function<void()> on_over) {
  ASSIGN_OR_RETURN(UniqueFd lock, TakeStateFolder(settings.state_dir));
  RETURN_IF_ERROR(MakeDirectories(settings.state_dir / "attempts"));
  std::unique_ptr<Agent> agent(
      new Agent(settings, std::move(devices), link, clock, std::move(on_over), std::move(lock)));
  RETURN_IF_ERROR(agent->ResumeAttempts());
  agent->beat_thread_ = std::thread([agent = agent.get()] { agent->BeatLoop(); });
  agent->tend_thread_ = std::thread([agent = agent.get()] { agent->TendLoop(); });
  return agent;
}

Agent::Agent(const AgentSettings& settings, std::vector<v1::Device> devices, CoordinatorLink& link,
             Clock& clock, std::function<void()> on_over, UniqueFd state_lock)
    : settings_(settings),
      devices_(std::move(devices)),
      link_(link),
      clock_(clock),
      on_over_(std::move(on_over)),
      state_lock_(std::move(state_lock)),
      incarnation_(NewUuid()),
      uploader_(link, clock, {}),
      packs_(settings.state_dir / "packs", settings.data_tool, settings.datasets,
             [this] { RegisterAgain(); }),
      services_{.settings = settings_,
                .devices = devices_,
                .link = link,
                .uploader = uploader_,
                .packs = packs_,
                .reservations = reservations_,
                .clock = clock,
                .attempts = settings.state_dir / "attempts",
                .orphans = settings.state_dir / "orphans"},
      leave_(clock),
      idle_since_(clock.Monotonic()) {}

Agent::~Agent() { Leave(); }

absl::Status Agent::ResumeAttempts() {
  ASSIGN_OR_RETURN(const std::vector<AttemptDirectory> unfinished,
                   FindUnfinishedAttempts(services_.attempts));
  MutexLock lock(mutex_);
  for (const AttemptDirectory& directory : unfinished) {
    const v1::AttemptRef& attempt = directory.attempt();
    runners_[{attempt.job_id(), attempt.attempt()}] =
        std::make_unique<AttemptRunner>(services_, directory, stop_grace_, WakeTender());
  }
  return absl::OkStatus();
}

void Agent::RegisterAgain() {
  MutexLock lock(mutex_);
  ++changes_;
  registered_ = false;
}

std::function<void()> Agent::WakeTender() {
  return [this] {
    MutexLock lock(mutex_);
    tend_.NotifyAll();
  };
}

void Agent::Drain() {
  {
    MutexLock lock(mutex_);
    draining_ = true;
    registered_ = false;  // again, and without devices: nothing new comes
    // With the coordinator away the rest is left to a successor.
    drain_until_ = clock_.Monotonic() + stop_grace_ + settings_.upload_time;
    for (const auto& [key, runner] : runners_) runner->Stop(v1::STOP_DRAIN, /*now=*/false);
  }
  tend_.NotifyAll();
}

void Agent::Leave() {
  {
    MutexLock lock(mutex_);
    leaving_ = true;
    for (const auto& [key, runner] : runners_) runner->Leave();
  }
  leave_.Cancel();
  tend_.NotifyAll();
  link_.Shutdown();
  if (beat_thread_.joinable()) beat_thread_.join();
  if (tend_thread_.joinable()) tend_thread_.join();
  std::map<Key, std::unique_ptr<AttemptRunner>> runners;
  {
    MutexLock lock(mutex_);
    runners.swap(runners_);
  }
}

void Agent::BeatLoop() {
  Backoff backoff({}, SystemRandom());
  while (!leave_.cancelled()) {
    bool registered = false;
    {
      MutexLock lock(mutex_);
      registered = registered_;
    }
    const absl::Status status = registered ? Beat() : Register();
    if (status.ok()) {
      backoff.Reset();
      continue;
    }
    if (leave_.cancelled()) return;
    if (absl::IsFailedPrecondition(status)) {
      MutexLock lock(mutex_);
      registered_ = false;
    } else {
      LogWarning("coordinator not reached", {{"server", settings_.server}, {"error", status.ToString()}});
    }
    leave_.SleepFor(backoff.Next());
  }
}

absl::Status Agent::Register() {
  v1::RegisterWorkerRequest request;
  request.set_name(settings_.name);
  request.set_incarnation(incarnation_);
  request.set_host(HostName());
  request.set_version(ECGTRAIN_VERSION);
  request.set_api_version(kApiVersion);
  bool draining = false;
  uint64_t change = 0;
  {
    MutexLock lock(mutex_);
    draining = draining_;
    change = changes_;
    for (const auto& [key, runner] : runners_) *request.add_attempts() = runner->attempt();
  }
  const std::vector<v1::WorkerDataset> datasets = packs_.Describe();
  request.mutable_datasets()->Add(datasets.begin(), datasets.end());
  if (!draining) request.mutable_devices()->Add(devices_.begin(), devices_.end());
  ASSIGN_OR_RETURN(const v1::RegisterWorkerResponse response, link_.RegisterWorker(request));
  session_ = response.session();
  LogInfo("registered",
          {{"worker", settings_.name}, {"server", settings_.server}, {"devices", request.devices_size()}});
  MutexLock lock(mutex_);
  // A drain or a pack that came meanwhile wants to register again.
  registered_ = draining == draining_ && change == changes_;
  if (response.has_stop_grace()) stop_grace_ = ToDuration(response.stop_grace());
  for (const auto& [key, runner] : runners_) runner->SetStopGrace(stop_grace_);
  return absl::OkStatus();
}

absl::Status Agent::Beat() {
  v1::HeartbeatRequest request;
  request.set_worker(settings_.name);
  request.set_session(session_);
  request.set_beat(++beat_);
  request.set_disk_free_bytes(FreeBytes(settings_.state_dir));
  {
    MutexLock lock(mutex_);
    for (const auto& [key, runner] : runners_) {
      if (!runner->done()) *request.add_attempts() = runner->Held();
    }
  }
  const absl::Duration begun = clock_.Monotonic();
  ASSIGN_OR_RETURN(const v1::HeartbeatResponse response, link_.Heartbeat(request));
  Apply(response);
  const bool empty = response.start().empty() && response.stop().empty() && response.forget().empty();
  const absl::Duration left = begun + kShortestBeat - clock_.Monotonic();
  if (empty && left > absl::ZeroDuration()) leave_.SleepFor(left);
  return absl::OkStatus();
}

void Agent::Apply(const v1::HeartbeatResponse& response) {
  for (const v1::AttemptRef& attempt : response.forget()) ApplyForget(attempt);
  for (const v1::StopOrder& order : response.stop()) ApplyStop(order);
  for (const v1::Assignment& assignment : response.start()) ApplyStart(assignment);
}

void Agent::ApplyStart(const v1::Assignment& assignment) {
  const v1::AttemptRef& attempt = assignment.attempt();
  bool draining = false;
  {
    MutexLock lock(mutex_);
    if (leaving_) return;
    const Key key(attempt.job_id(), attempt.attempt());
    const auto known = runners_.find(key);
    if (known != runners_.end()) {
      // Another token for the same number cannot be both: the older one goes, the order comes again.
      if (!SameAttempt(known->second->attempt(), attempt)) known->second->Abandon(/*now=*/true);
      return;
    }
    draining = draining_;
    if (!draining && !IsFinished(AttemptDirectory(services_.attempts, attempt))) {
      LogInfo("attempt taken", {{"attempt", AttemptName(attempt)}});
      runners_[key] = std::make_unique<AttemptRunner>(services_, assignment, stop_grace_, WakeTender());
    }
  }
  if (draining) Refuse(attempt);
}

void Agent::Refuse(const v1::AttemptRef& attempt) {
  v1::FinishAttemptRequest request;
  *request.mutable_attempt() = attempt;
  request.set_reason(v1::DRAINED);
  request.set_message("the worker is leaving");
  request.set_exit_code(-1);
  const absl::Status status = link_.FinishAttempt(request).status();
  // The order comes again with the next answer.
  if (!status.ok()) LogWarning("refusal not taken", {{"error", status.ToString()}});
}

void Agent::ApplyStop(const v1::StopOrder& order) {
  MutexLock lock(mutex_);
  const auto runner = runners_.find({order.attempt().job_id(), order.attempt().attempt()});
  if (runner == runners_.end() || !SameAttempt(runner->second->attempt(), order.attempt())) return;
  runner->second->Stop(order.why(), order.now());
}

void Agent::ApplyForget(const v1::AttemptRef& attempt) {
  MutexLock lock(mutex_);
  const auto runner = runners_.find({attempt.job_id(), attempt.attempt()});
  if (runner == runners_.end() || !SameAttempt(runner->second->attempt(), attempt)) return;
  runner->second->Abandon(/*now=*/false);
}

void Agent::TendLoop() {
  absl::Duration sweep_at = clock_.Monotonic();
  while (!leave_.cancelled()) {
    const absl::Duration now = clock_.Monotonic();
    if (now >= sweep_at) {
      SweepRunDirectories(services_.attempts, settings_.keep_finished, services_.orphans,
                          settings_.keep_orphans, clock_.Now());
      sweep_at = now + kSweepInterval;
    }
    if (Tend(now)) return on_over_();
    MutexLock lock(mutex_);
    const bool anyone_done =
        std::any_of(runners_.begin(), runners_.end(), [](const auto& entry) { return entry.second->done(); });
    if (leaving_ || anyone_done) continue;
    absl::Duration wake = std::min(sweep_at, drain_until_);
    if (settings_.exit_when_idle.has_value() && runners_.empty()) {
      wake = std::min(wake, idle_since_ + *settings_.exit_when_idle);
    }
    if (draining_ && runners_.empty()) continue;
    clock_.WaitUntil(tend_, mutex_, wake);
  }
}

bool Agent::Tend(absl::Duration now) {
  std::vector<std::unique_ptr<AttemptRunner>> done;  // destroyed, that is joined, without the lock
  MutexLock lock(mutex_);
  for (auto entry = runners_.begin(); entry != runners_.end();) {
    if (entry->second->done()) {
      done.push_back(std::move(entry->second));
      entry = runners_.erase(entry);
      idle_since_ = now;
    } else {
      ++entry;
    }
  }
  if (!runners_.empty()) return draining_ && now >= drain_until_;
  if (settings_.exit_when_idle.has_value() && now >= idle_since_ + *settings_.exit_when_idle)
    draining_ = true;
  return draining_;
}

}  // namespace ecgtrain
