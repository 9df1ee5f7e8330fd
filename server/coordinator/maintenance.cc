#include "server/coordinator/maintenance.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/units.h"
#include "server/coordinator/attempt_lifecycle.h"
#include "server/coordinator/job_commands.h"
#include "server/coordinator/proto_time.h"
#include "server/coordinator/scheduler.h"
#include "server/coordinator/snapshot.h"

namespace ecgtrain {
namespace {

constexpr char kActor[] = "coordinator";
constexpr int kFilesPerSweep = 1000;
// After a pass the next one waits this many times as long as the pass took: a flood of submissions does not
// make the scheduler the only thing that runs.
constexpr int kRestFactor = 4;
constexpr absl::Duration kLongestRest = absl::Seconds(2);

absl::Time LastSignOfProgress(const v1::Job& job, const v1::Attempt& attempt) {
  const absl::Time started = FromProtoTime(attempt.started());
  return std::max(started, FromProtoTime(job.progress().updated()));
}

// Files that no row knows: a crash came between a file and its row, or between a row's end and the file's.
absl::Status SweepFilesWithoutRow(JobStore& store, ArtifactStore& artifacts) {
  std::string after;
  absl::Status result;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, artifacts.List(after, kFilesPerSweep));
    if (files.empty()) return result;
    after = files.back();
    for (const std::string& digest : files) {
      std::optional<uint64_t> row;
      RETURN_IF_ERROR(store.Read([&](StoreReader& reader) -> absl::Status {
        ASSIGN_OR_RETURN(row, reader.StoredFile(digest));
        return absl::OkStatus();
      }));
      if (row) continue;
      const absl::Status deleted = artifacts.Delete(digest);
      if (!absl::IsFailedPrecondition(deleted)) result.Update(deleted);  // else its row is on the way
    }
  }
}

}  // namespace

Maintenance::Maintenance(MutationRunner& runner, ArtifactStore& artifacts, const Leases& leases,
                         Explanations& explanations, MaintenanceOptions options)
    : runner_(runner),
      artifacts_(artifacts),
      leases_(leases),
      explanations_(explanations),
      options_(options),
      next_sweep_(runner.clock().Monotonic() + options.sweep_every) {}

Maintenance::~Maintenance() { Stop(); }

void Maintenance::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Maintenance::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Maintenance::Poke() {
  MutexLock lock(mutex_);
  poked_ = true;
  changed_.NotifyAll();
}

void Maintenance::Loop() {
  Clock& clock = runner_.clock();
  absl::Duration rest_until = clock.Monotonic();
  const absl::Duration longest = std::min(options_.tick, leases_.options().unreachable_after / 2);
  while (true) {
    {
      MutexLock lock(mutex_);
      const absl::Duration tick = clock.Monotonic() + longest;
      while (!stopping_ && clock.Monotonic() < (poked_ ? rest_until : tick)) {
        clock.WaitUntil(changed_, mutex_, poked_ ? rest_until : tick);
      }
      if (stopping_) return;
      poked_ = false;
    }
    const absl::Duration start = clock.Monotonic();
    if (const absl::Status status = RunOnce(); !status.ok()) {
      LogWarning("maintenance round failed; the next one tries again", {{"error", status.message()}});
    }
    const absl::Duration end = clock.Monotonic();
    rest_until = end + std::min((end - start) * kRestFactor, kLongestRest);
  }
}

absl::Status Maintenance::RunOnce() {
  absl::Status result = WatchDisk();
  result.Update(CheckLiveAttempts());
  result.Update(Plan());
  if (runner_.clock().Monotonic() >= next_sweep_) {
    next_sweep_ = runner_.clock().Monotonic() + options_.sweep_every;
    result.Update(Sweep());
  }
  return result;
}

absl::Status Maintenance::WatchDisk() {
  DiskGuard& disk = runner_.admission().disk();
  disk.KeepReserve();
  const DiskLevel level = disk.Level();
  if (level == disk_level_) return absl::OkStatus();
  v1::JobEvent event;
  event.set_type("disk");
  event.set_actor(kActor);
  *event.mutable_time() = ToProtoTime(runner_.clock().Now());
  event.set_message(absl::StrCat(HumanBytes(disk.Room().value_or(FreeSpace::Room()).free),
                                 " free; not taken: ", absl::StrJoin(NotTaken(level), ", ")));
  if (level == DiskLevel::kAmple) event.set_message("room again: everything is taken");
  LogWarning("the level of the disk has changed", {{"level", event.message()}});
  if (options_.on_disk_level) options_.on_disk_level(level);
  disk_level_ = level;
  return runner_.RunAndWait([&](Mutation& mutation) { return mutation.store.AppendEvent(event); });
}

absl::Status Maintenance::CheckLiveAttempts() {
  std::vector<std::pair<v1::Attempt, v1::Job>> live;
  RETURN_IF_ERROR(runner_.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(std::vector<v1::Attempt> attempts, reader.LiveAttempts(""));
    for (v1::Attempt& attempt : attempts) {
      ASSIGN_OR_RETURN(v1::Job job, reader.GetJob(attempt.job_id()));
      live.emplace_back(std::move(attempt), std::move(job));
    }
    return absl::OkStatus();
  }));
  absl::Status result;
  for (const auto& [attempt, job] : live) result.Update(CheckAttempt(attempt, job));
  return result;
}

absl::Status Maintenance::CheckAttempt(const v1::Attempt& seen, const v1::Job& job) {
  const bool overdue = leases_.IsOverdue(seen.worker());
  const bool lapsed = leases_.HasLapsed(seen.worker());
  const absl::Time now = runner_.clock().Now();
  const bool stopping = job.stop_requested() != v1::STOP_NONE;
  const bool gone = lapsed && (stopping || job.spec().on_lost() == "requeue");
  const bool running = seen.state() == v1::ATTEMPT_RUNNING && !overdue && !stopping;
  const absl::Duration trained = FromProtoDuration(job.run_time()) + (now - FromProtoTime(seen.started()));
  const bool timeout = running && job.spec().resources().has_max_time() &&
                       trained > FromProtoDuration(job.spec().resources().max_time());
  // A worker that was cut off has yet to deliver what its trainer did meanwhile.
  const bool stuck = running && now - LastSignOfProgress(job, seen) > options_.stuck_after &&
                     leases_.ReachableFor(seen.worker()) > options_.stuck_after;
  if (!gone && !timeout && !stuck && overdue == seen.has_unreachable_since()) return absl::OkStatus();

  return runner_.RunAndWait([&](Mutation& mutation) -> absl::Status {
    ASSIGN_OR_RETURN(v1::Attempt attempt, mutation.store.GetAttempt(seen.job_id(), seen.number()));
    if (attempt.state() == v1::ENDED) return absl::OkStatus();
    ASSIGN_OR_RETURN(v1::Job fresh, mutation.store.GetJob(seen.job_id()));
    if (gone) {
      return EndAttempt(mutation, fresh, attempt,
                        {.reason = v1::WORKER_LOST,
                         .message = absl::StrCat("worker ", attempt.worker(), " was not heard of for ",
                                                 HumanDuration(leases_.options().lease)),
                         .actor = kActor,
                         .step = fresh.progress().step()});
    }
    if (timeout) {
      return RequestStop(mutation, fresh, v1::STOP_TIMEOUT, false, kActor,
                         absl::StrCat("trained for ", HumanDuration(trained), ", over resources.max_time"));
    }
    if (stuck) {
      return RequestStop(mutation, fresh, v1::STOP_STUCK, false, kActor,
                         absl::StrCat("no progress for ", HumanDuration(options_.stuck_after)));
    }
    if (overdue) {
      NoteUnreachable(fresh, attempt, leases_.LastHeard(attempt.worker()).value_or(now));
    } else {
      NoteHeard(fresh, attempt);
    }
    mutation.effects.jobs.insert(fresh.id());
    RETURN_IF_ERROR(mutation.store.UpdateAttempt(attempt));
    return mutation.store.UpdateJob(fresh);
  });
}

absl::Status Maintenance::Plan() {
  const absl::Duration start = runner_.clock().Monotonic();
  const Explanations::Question question = explanations_.Ask();
  std::shared_ptr<const SchedulerPlan> plan;  // shared with answers
  RETURN_IF_ERROR(runner_.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const bool free, HasFreeDevice(reader, leases_));
    if (!free) return absl::OkStatus();
    ASSIGN_OR_RETURN(plan, question.Fresh(reader));
    return absl::OkStatus();
  }));
  runner_.observer().OnSchedulerPass(runner_.clock().Monotonic() - start);
  if (plan == nullptr || plan->leases.empty()) return absl::OkStatus();
  return runner_.RunAndWait([&](Mutation& mutation) -> absl::Status {
    for (const LeaseDecision& decision : plan->leases) RETURN_IF_ERROR(LeaseJob(mutation, decision));
    return absl::OkStatus();
  });
}

absl::Status Maintenance::Sweep() {
  const absl::Time now = runner_.clock().Now();
  std::vector<std::string> digests;
  RETURN_IF_ERROR(runner_.RunAndWait([&](Mutation& mutation) -> absl::Status {
    RETURN_IF_ERROR(mutation.store.DeleteRequestsBefore(now - options_.request_age));
    ASSIGN_OR_RETURN(digests, mutation.store.TakeUnreferencedFiles(now - options_.file_age, kFilesPerSweep));
    return absl::OkStatus();
  }));
  absl::Status result;
  for (const std::string& digest : digests) {
    const absl::Status deleted = artifacts_.Delete(digest);
    // Claimed by an upload since: its row is on the way again.
    if (!absl::IsFailedPrecondition(deleted)) result.Update(deleted);
  }
  result.Update(SweepFilesWithoutRow(runner_.store(), artifacts_));
  result.Update(artifacts_.RemoveAbandonedUploads(options_.file_age).status());
  return result;
}

}  // namespace ecgtrain
