#include "tests/fault/simulation/lab.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace ecgtrain::simulation {
namespace {

using Kind = Operation::Kind;

constexpr absl::Duration kLongestSettling = absl::Hours(1);
constexpr absl::Duration kUntilSwept = absl::Hours(2);

}  // namespace

Lab::Lab(uint64_t seed)
    : world_(seed),
      network_(world_, {.lost = world_.random.Chance(0.5) ? 0.03 : 0.0,
                        .doubled = world_.random.Chance(0.5) ? 0.03 : 0.0,
                        .late = world_.random.Chance(0.5) ? 0.03 : 0.0}),
      coordinator_(world_, folder_.path(), ShortTimes()),
      invariants_(
          ledger_, [this](const v1::Attempt& attempt) { return IsHeld(attempt); },
          [this](const std::string& finding) { world_.Break(finding); }),
      user_(world_, network_, coordinator_, ledger_) {
  coordinator_.OnCommit([this] { Check(); });
  coordinator_.OnDeath([this] {
    world_.After(std::exchange(coordinator_downtime_, absl::Seconds(1)), [this] { StartCoordinator(); });
  });
  StartCoordinator();
  for (size_t i = 0; i < kHosts; ++i) {
    Station& station = stations_[i];
    station.host.name = absl::StrCat("w", i + 1);
    for (size_t slot = 0; slot < 1 + i % 2; ++slot) {
      v1::Device& device = station.host.devices.emplace_back();
      device.set_id(absl::StrCat("cpu/", slot));
      device.set_kind("cpu");
      device.set_threads(4);
    }
    StartAgent(station);
  }
}

Lab::~Lab() {
  // No restart any more, and agents before the hosts they watch.
  coordinator_.OnDeath([] {});
  for (Station& station : stations_) station.agent.reset();
}

void Lab::Schedule(const Operation& operation) {
  world_.After(operation.at - world_.Elapsed(), [this, operation] {
    if (!settling_) Apply(operation);
  });
}

void Lab::RunUntil(absl::Duration end) {
  bool over = false;
  world_.After(end - world_.Elapsed(), [&over] { over = true; });
  while (!over && !broken()) world_.Step();
}

void Lab::Check() {
  invariants_.Check(coordinator_.store(), coordinator_.artifacts(), world_.clock.Now());
  for (const v1::JobEvent& event : invariants_.view().events) {
    if (event.type() == "phase" || event.type() == "result") continue;
    world_.Note(
        absl::StrCat("    event ", event.seq(), ": job/", event.job_id(), " attempt ", event.attempt(), " ",
                     event.type(), " by ", event.actor(), ", ", v1::JobState_Name(event.state()), " ",
                     event.reason() == 0 ? "" : v1::EndReason_Name(event.reason()), " ", event.message()));
  }
}

// --- operations ---

absl::Duration Lab::Downtime(uint64_t choice) const {
  const absl::Duration downtimes[] = {absl::Milliseconds(100), absl::Seconds(3), absl::Seconds(25),
                                      kLease + absl::Seconds(30)};
  return downtimes[(choice >> 8) % 4];
}

void Lab::Apply(const Operation& operation) {
  world_.Note(Describe(operation));
  switch (operation.kind) {
    case Kind::kSubmit:
    case Kind::kCancel:
    case Kind::kPause:
    case Kind::kResume:
    case Kind::kRequeue:
    case Kind::kCordon:
      return ApplyToUser(operation);
    case Kind::kKillCoordinator:
    case Kind::kCutPower:
    case Kind::kCrashInStore:
    case Kind::kCrashInFiles:
    case Kind::kFillDisk:
      return ApplyToCoordinator(operation);
    case Kind::kCutLink:
      return CutLink(operation.choice);
    default:
      return ApplyToHost(operation);
  }
}

void Lab::ApplyToUser(const Operation& operation) {
  const uint64_t choice = operation.choice;
  if (operation.kind == Kind::kSubmit) return user_.Submit(Random(choice));
  if (operation.kind == Kind::kCordon) {
    const std::string worker = AnyStation(choice).host.name;
    user_.SetCordon(worker, true);
    return world_.After(Downtime(choice), [this, worker] { user_.SetCordon(worker, false); });
  }
  const int64_t job = user_.AnyJob(choice >> 16);
  if (job == 0) return;
  switch (operation.kind) {
    case Kind::kCancel:
      return user_.Cancel(job, /*now=*/choice % 4 == 0);
    case Kind::kPause:
      return user_.Pause(job);
    case Kind::kResume:
      return user_.Resume(job);
    default: {
      constexpr const char* kFrom[] = {"", "", "scratch", "best", "last"};
      return user_.Requeue(job, kFrom[choice % 5]);
    }
  }
}

void Lab::ApplyToCoordinator(const Operation& operation) {
  const uint64_t choice = operation.choice;
  if (!coordinator_.running()) return;
  coordinator_downtime_ = Downtime(choice);
  const bool power_lost = choice % 2 == 0;
  switch (operation.kind) {
    case Kind::kKillCoordinator:
      return coordinator_.Crash(/*power_lost=*/false);
    case Kind::kCutPower:
      return coordinator_.Crash(/*power_lost=*/true);
    case Kind::kCrashInStore:
      return coordinator_.CrashAtStoreOperation(1 + static_cast<int64_t>((choice >> 16) % 40), power_lost);
    case Kind::kCrashInFiles:
      return coordinator_.CrashAtFileOperation(1 + static_cast<int64_t>((choice >> 16) % 40), power_lost);
    default:
      disk_full_ = true;
      coordinator_.SetDiskFull(true);
      world_.After(Downtime(choice), [this] {
        if (std::exchange(disk_full_, false)) coordinator_.SetDiskFull(false);
      });
  }
}

void Lab::ApplyToHost(const Operation& operation) {
  const uint64_t choice = operation.choice;
  Station& station = AnyStation(choice);
  switch (operation.kind) {
    case Kind::kKillAgent:
      return KillAgent(station, Downtime(choice));
    case Kind::kDrainAgent:
      if (station.agent == nullptr) return;
      station.agent->Drain();
      return AwaitDrain(station, Downtime(choice));
    case Kind::kCutPowerOfHost:
    case Kind::kReplaceDiskOfHost:
      KillAgent(station, Downtime(choice));
      return LosePower(world_, ledger_, station.host, operation.kind == Kind::kReplaceDiskOfHost);
    default:
      break;
  }
  Trainer* trainer = AnyTrainer(choice);
  if (trainer == nullptr) return;
  operation.kind == Kind::kKillTrainer ? trainer->Kill() : trainer->Hang();
}

void Lab::CutLink(uint64_t choice) {
  constexpr Link kLinks[] = {Link::kCut, Link::kRequestsLost, Link::kAnswersLost};
  const std::string client = choice % 4 == 3 ? User::kName : AnyStation(choice % 4).host.name;
  network_.SetLink(client, kLinks[(choice >> 16) % 3]);
  world_.After(Downtime(choice), [this, client] { network_.SetLink(client, Link::kUp); });
}

// --- processes ---

void Lab::StartCoordinator() {
  if (coordinator_.running()) return;
  const absl::Status started = coordinator_.Start();
  if (started.ok()) return;
  // A full disk may keep it from starting; nothing else may.
  if (!disk_full_) world_.Break(absl::StrCat("the coordinator does not start: ", started.ToString()));
  world_.After(absl::Seconds(5), [this] { StartCoordinator(); });
}

void Lab::StartAgent(Station& station) {
  if (station.agent != nullptr) return;
  station.agent =
      std::make_unique<WorkerProcess>(WorkerContext{world_, network_, coordinator_, ledger_, station.host},
                                      absl::StrCat(station.host.name, "-", ++station.incarnations));
}

void Lab::KillAgent(Station& station, absl::Duration downtime) {
  world_.Note(absl::StrCat(station.host.name, ": agent is gone for ", absl::FormatDuration(downtime)));
  station.agent.reset();
  world_.After(downtime, [this, &station, life = ++station.life] {
    if (life == station.life) StartAgent(station);
  });
}

void Lab::AwaitDrain(Station& station, absl::Duration downtime) {
  world_.After(absl::Seconds(1), [this, &station, downtime, life = station.life] {
    if (life != station.life || station.agent == nullptr) return;
    station.agent->drained() ? KillAgent(station, downtime) : AwaitDrain(station, downtime);
  });
}

Trainer* Lab::AnyTrainer(uint64_t choice) {
  std::vector<Trainer*> running;
  for (Station& station : stations_) {
    for (const auto& [key, trainer] : station.host.trainers) running.push_back(trainer.get());
  }
  return running.empty() ? nullptr : running[(choice >> 16) % running.size()];
}

bool Lab::IsHeld(const v1::Attempt& attempt) const {
  const auto station = std::find_if(stations_.begin(), stations_.end(), [&](const Station& candidate) {
    return candidate.host.name == attempt.worker();
  });
  const auto directory = station->host.directories.find({attempt.job_id(), attempt.number()});
  return directory != station->host.directories.end() && directory->second.prepared &&
         !directory->second.finished && directory->second.assignment.attempt().token() == attempt.token();
}

// --- the end ---

void Lab::ResumePaused() {
  for (const auto& [id, rows] : invariants_.view().jobs) {
    if (rows.job.state() == v1::PAUSED) user_.Resume(id);
  }
}

// Workers cordon themselves when job after job crashes there: somebody looks, and lets them go on.
void Lab::LiftCordons() {
  std::vector<v1::Worker> workers;
  if (!coordinator_.running()) return;
  const absl::Status read = coordinator_.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(workers, reader.ListWorkers());
    return absl::OkStatus();
  });
  if (!read.ok()) return world_.Break(absl::StrCat("workers cannot be read: ", read.ToString()));
  for (const v1::Worker& worker : workers) {
    if (worker.cordoned()) user_.SetCordon(worker.name(), false);
  }
}

bool Lab::Quiet() const {
  return user_.open_requests() == 0 && invariants_.AllEnded() &&
         std::all_of(stations_.begin(), stations_.end(), [](const Station& station) {
           return station.agent != nullptr && station.agent->idle();
         });
}

void Lab::Settle() {
  settling_ = true;
  network_.Heal();
  if (std::exchange(disk_full_, false)) coordinator_.SetDiskFull(false);
  coordinator_.Disarm();
  StartCoordinator();
  for (Station& station : stations_) {
    StartAgent(station);
  }
  const absl::Duration end = world_.Elapsed() + kLongestSettling;
  do {
    ResumePaused();
    LiftCordons();
    RunUntil(world_.Elapsed() + absl::Seconds(10));
  } while (!broken() && !Quiet() && world_.Elapsed() < end);
  if (broken()) return;
  invariants_.CheckEnd(coordinator_.store(), coordinator_.artifacts(), world_.clock.Now());
  if (!Quiet()) world_.Break("the lab does not come to rest");
  if (broken()) return;
  for (Station& station : stations_) station.agent.reset();
  for (int i = 0; i < 2; ++i) {
    world_.clock.Set(world_.Elapsed() + kUntilSwept);
    const absl::Status swept = coordinator_.RunMaintenance();
    if (!swept.ok()) world_.Break(absl::StrCat("the sweep fails: ", swept.ToString()));
  }
  invariants_.CheckSwept(coordinator_.store(), coordinator_.artifacts());
}

Outcome Lab::Finish() {
  Outcome outcome{.broken = world_.broken(),
                  .trace = {world_.trace().begin(), world_.trace().end()},
                  .digest = world_.digest(),
                  .steps = world_.steps(),
                  .checks = invariants_.checks(),
                  .jobs = static_cast<int64_t>(invariants_.view().jobs.size()),
                  .answers_repeated = ledger_.answers_repeated};
  for (const auto& [id, rows] : invariants_.view().jobs) outcome.attempts += rows.job.attempts();
  return outcome;
}

}  // namespace ecgtrain::simulation
