#include "tests/fault/simulation/invariants.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/coordinator/checkpoints.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/proto_time.h"
#include "server/coordinator/scheduler.h"

namespace ecgtrain::simulation {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr int64_t kChecksPerFullOne = 16;

std::string Name(const v1::Job& job) { return absl::StrCat("job/", job.id()); }
std::string Name(const v1::Attempt& attempt) { return absl::StrCat(attempt.job_id(), ".", attempt.number()); }

bool IsTransition(const std::string& type) {
  static const std::set<std::string> types = {"submitted", "leased",    "attempt_ended", "requeued", "paused",
                                              "resumed",   "succeeded", "failed",        "cancelled"};
  return types.contains(type);
}

// The newest stored one of those made after `after` attempts.
const v1::Checkpoint* Newest(const std::vector<v1::Checkpoint>& checkpoints, uint32_t after) {
  const v1::Checkpoint* newest = nullptr;
  for (const v1::Checkpoint& candidate : checkpoints) {
    if (candidate.state() != v1::STORED || candidate.attempt() <= after) continue;
    const auto age = [](const v1::Checkpoint& c) { return std::make_tuple(c.attempt(), c.step()); };
    if (newest == nullptr || age(candidate) > age(*newest)) newest = &candidate;
  }
  return newest;
}

// The newest checkpoint since the last requeue, else what the requeue said.
std::string ResumeFrom(const StoreView::JobRows& rows) {
  const v1::Job& job = rows.job;
  const v1::Checkpoint* newest = Newest(rows.checkpoints, job.requeued_after_attempt());
  if (newest == nullptr && (job.restart_from().empty() || job.restart_from() == "last"))
    newest = Newest(rows.checkpoints, 0);
  if (newest == nullptr && job.restart_from() == "best") newest = BestCheckpoint(rows.checkpoints);
  return newest == nullptr ? "" : CheckpointName(*newest);
}

bool AnyCorrupt(const std::vector<v1::Attempt>& attempts) {
  return std::any_of(attempts.begin(), attempts.end(),
                     [](const v1::Attempt& attempt) { return attempt.reason() == v1::CHECKPOINT_CORRUPT; });
}

}  // namespace

void Invariants::Check(JobStore& store, ArtifactStore& artifacts, absl::Time now) {
  ++checks_;
  // What has ended changes by an event only; that it does not otherwise is looked at now and then.
  const absl::Status read = Read(store, /*all=*/checks_ % kChecksPerFullOne == 0);
  if (!read.ok()) return broken_(absl::StrCat("the store cannot be read: ", read.ToString()));
  Fold();
  CheckSubmissions();
  CheckTokensAndDevices();
  for (const auto& [id, rows] : view_.jobs) {
    CheckRows(rows);
    if (!rows.looked_at) continue;
    CheckAttempts(rows);
    CheckUsage(rows);
    CheckCheckpoints(rows);
  }
  for (const auto& [id, rows] : view_.jobs) {
    Seen& seen = seen_[id];
    if (rows.job.attempts() > seen.attempts) {
      CheckNewAttempt(rows, seen);
      CheckOrder(rows, now);
    }
    const v1::Checkpoint* newest = Newest(rows.checkpoints, rows.job.requeued_after_attempt());
    seen = {.attempts = rows.job.attempts(),
            .requeues = folded_[id].requeues,
            .resume_from = ResumeFrom(rows),
            .last_step = newest == nullptr ? 0 : newest->step()};
  }
  CheckFiles(artifacts);
}

absl::Status Invariants::Read(JobStore& store, bool all) {
  return store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(view_.events, reader.Events(0, last_seq_, 10'000));
    std::set<int64_t> changed;
    for (const v1::JobEvent& event : view_.events) changed.insert(event.job_id());
    ASSIGN_OR_RETURN(std::vector<v1::Job> jobs, reader.ListJobs({.limit = 10'000}));
    Require(jobs.size() >= view_.jobs.size(), "a job is gone");
    for (v1::Job& job : jobs) {
      StoreView::JobRows& rows = view_.jobs[job.id()];
      rows.looked_at = all || !IsEnded(job.state()) || changed.contains(job.id());
      if (rows.looked_at) {
        ASSIGN_OR_RETURN(rows.attempts, reader.ListAttempts(job.id()));
        ASSIGN_OR_RETURN(rows.checkpoints, reader.Checkpoints(job.id()));
      }
      rows.job = std::move(job);
    }
    return absl::OkStatus();
  });
}

// --- events ---

void Invariants::Fold() {
  for (const v1::JobEvent& event : view_.events) {
    Require(event.seq() == last_seq_ + 1, absl::StrCat("event ", event.seq(), " follows event ", last_seq_));
    last_seq_ = event.seq();
    Fold(event);
  }
  for (const auto& [id, rows] : view_.jobs) {
    const Folded& folded = folded_[id];
    const v1::Job& job = rows.job;
    Require(job.state() == folded.state && job.reason() == folded.reason && job.attempts() == folded.attempts,
            absl::StrCat(Name(job), " is ", v1::JobState_Name(job.state()), " (",
                         v1::EndReason_Name(job.reason()), ") after ", job.attempts(),
                         " attempts; its events make it ", v1::JobState_Name(folded.state), " (",
                         v1::EndReason_Name(folded.reason), ") after ", folded.attempts));
  }
}

void Invariants::Fold(const v1::JobEvent& event) {
  Folded& job = folded_[event.job_id()];
  const std::string what =
      absl::StrCat("event ", event.seq(), " (", event.type(), ") of job/", event.job_id());
  if (!IsTransition(event.type())) {
    return Require(event.state() == job.state,
                   absl::StrCat(what, " changes the state without being a transition"));
  }
  Require(IsAllowedTransition(job.state, event.state()),
          absl::StrCat(what, " goes from ", v1::JobState_Name(job.state), " to ",
                       v1::JobState_Name(event.state())));
  Require(!IsEnded(job.state) || event.type() == "requeued", absl::StrCat(what, " moves an ended job"));
  if (event.type() == "requeued") ++job.requeues;
  if (event.type() == "leased") ++job.attempts;
  Require(event.type() != "leased" || event.attempt() == job.attempts,
          absl::StrCat(what, " is of attempt ", event.attempt(), ", the job's ", job.attempts, "th lease"));
  job.state = event.state();
  job.reason = event.reason();
  job.last_type = event.type();
}

// --- rows ---

void Invariants::CheckSubmissions() {
  std::map<std::string, int64_t> ids;
  for (const auto& [id, rows] : view_.jobs) {
    Require(ids.emplace(rows.job.name(), id).second, absl::StrCat("two jobs are named ", rows.job.name()));
  }
  for (const auto& [name, id] : ledger_.acknowledged) {
    const auto found = ids.find(name);
    Require(found != ids.end() && found->second == id, absl::StrCat("the acknowledged job/", id, " is lost"));
  }
  for (const std::vector<std::string>& batch : ledger_.batches) {
    const auto there =
        std::count_if(batch.begin(), batch.end(), [&](const auto& name) { return ids.contains(name); });
    Require(there == 0 || there == static_cast<int64_t>(batch.size()),
            absl::StrCat(there, " of the ", batch.size(), " jobs of ", batch.front(), "'s batch exist"));
  }
}

void Invariants::CheckRows(const StoreView::JobRows& rows) {
  const v1::Job& job = rows.job;
  const auto live = std::count_if(rows.attempts.begin(), rows.attempts.end(),
                                  [](const v1::Attempt& attempt) { return attempt.state() != v1::ENDED; });
  Require(live == (job.state() == v1::RUNNING ? 1 : 0),
          absl::StrCat(Name(job), " is ", v1::JobState_Name(job.state()), " with ", live, " live attempts"));
  Require(rows.attempts.size() == job.attempts(),
          absl::StrCat(Name(job), " counts ", job.attempts(), " attempts, has ", rows.attempts.size()));
  Require(
      job.state() == v1::RUNNING || (job.stop_requested() == v1::STOP_NONE && job.worker().empty()),
      absl::StrCat(Name(job), " is ", v1::JobState_Name(job.state()), " and still has a worker or a stop"));
  Require(IsEnded(job.state()) == job.has_ended(), absl::StrCat(Name(job), " has the wrong time of its end"));
}

void Invariants::CheckAttempts(const StoreView::JobRows& rows) {
  int64_t token = 0;
  for (size_t i = 0; i < rows.attempts.size(); ++i) {
    const v1::Attempt& attempt = rows.attempts[i];
    Require(attempt.number() == i + 1, absl::StrCat(Name(attempt), " is number ", i + 1, " of its job"));
    Require(attempt.token() > token, absl::StrCat(Name(attempt), " has a token not above its predecessor's"));
    token = attempt.token();
    Require(attempt.state() == v1::ENDED || i + 1 == rows.attempts.size(),
            absl::StrCat(Name(attempt), " lives beside a later attempt"));
    if (attempt.state() == v1::ENDED) CheckEndedAttempt(attempt);
  }
}

void Invariants::CheckEndedAttempt(const v1::Attempt& attempt) {
  const auto [before, is_new] = ended_.emplace(std::make_pair(attempt.job_id(), attempt.number()), attempt);
  Require(MessageDifferencer::Equals(before->second, attempt),
          absl::StrCat(Name(attempt), " has ended and changed"));
  if (!is_new) return;
  Require(attempt.reason() != v1::END_REASON_UNSPECIFIED && attempt.has_ended(),
          absl::StrCat(Name(attempt), " ended without reason or time"));
  Require(!absl::StrContains(attempt.message(), "has nothing of this attempt") || !is_held_(attempt),
          absl::StrCat(Name(attempt), " was given up although ", attempt.worker(), " has it"));
}

// Usage equals the sum of the attempts since the last requeue.
void Invariants::CheckUsage(const StoreView::JobRows& rows) {
  absl::Duration sum;
  for (const v1::Attempt& attempt : rows.attempts) {
    if (attempt.state() != v1::ENDED || !attempt.has_started()) continue;
    if (attempt.number() <= rows.job.requeued_after_attempt()) continue;
    sum += FromProtoTime(attempt.ended()) - FromProtoTime(attempt.started());
  }
  const absl::Duration kept = FromProtoDuration(rows.job.run_time());
  Require(kept == sum, absl::StrCat(Name(rows.job), " has trained for ", absl::FormatDuration(kept),
                                    ", its attempts for ", absl::FormatDuration(sum)));
}

void Invariants::CheckTokensAndDevices() {
  std::set<int64_t> tokens;
  std::set<std::pair<std::string, std::string>> devices;
  for (const auto& [id, rows] : view_.jobs) {
    for (const v1::Attempt& attempt : rows.attempts) {
      Require(tokens.insert(attempt.token()).second,
              absl::StrCat("token ", attempt.token(), " was given twice"));
      if (attempt.state() == v1::ENDED) continue;
      for (const std::string& device : attempt.devices()) {
        Require(devices.emplace(attempt.worker(), device).second,
                absl::StrCat(device, " of ", attempt.worker(), " is in two live attempts, one of them ",
                             Name(attempt)));
      }
    }
  }
}

// --- checkpoints ---

void Invariants::CheckCheckpoints(const StoreView::JobRows& rows) {
  const auto before = seen_.find(rows.job.id());
  if (before == seen_.end() || before->second.requeues != folded_[rows.job.id()].requeues) return;
  if (AnyCorrupt(rows.attempts)) return;
  const v1::Checkpoint* newest = Newest(rows.checkpoints, rows.job.requeued_after_attempt());
  const uint64_t step = newest == nullptr ? 0 : newest->step();
  Require(step >= before->second.last_step,
          absl::StrCat(Name(rows.job), "@last fell from step ", before->second.last_step, " to ", step));
}

// It goes on from where it has to.
void Invariants::CheckNewAttempt(const StoreView::JobRows& rows, const Seen& before) {
  const v1::Job& job = rows.job;
  if (AnyCorrupt(rows.attempts) || job.attempts() != before.attempts + 1) return;
  const v1::Attempt& attempt = rows.attempts.back();
  Require(attempt.resumed_from() == before.resume_from,
          absl::StrCat(Name(attempt), " starts from \"", attempt.resumed_from(), "\" instead of \"",
                       before.resume_from, "\""));
}

// Nobody who could have had its place comes before it in the queue.
void Invariants::CheckOrder(const StoreView::JobRows& started, absl::Time now) {
  if (started.job.state() != v1::RUNNING) return;
  const auto key = [now](const v1::Job& job) {
    return std::make_pair(-PriorityClass(QueuedJobOf(job), now), job.id());
  };
  for (const auto& [id, rows] : view_.jobs) {
    if (rows.job.state() != v1::QUEUED || key(rows.job) >= key(started.job)) continue;
    Require(!CouldStart(rows, started.attempts.back(), now),
            absl::StrCat(Name(started.job), " was started before ", Name(rows.job)));
  }
}

bool Invariants::CouldStart(const StoreView::JobRows& rows, const v1::Attempt& instead_of,
                            absl::Time now) const {
  if (rows.job.has_not_before() && FromProtoTime(rows.job.not_before()) > now) return false;
  if (!rows.attempts.empty() && rows.attempts.back().worker() == instead_of.worker())
    return false;  // avoided
  return std::all_of(rows.job.dependencies().begin(), rows.job.dependencies().end(),
                     [&](int64_t id) { return view_.jobs.at(id).job.state() == v1::SUCCEEDED; });
}

void Invariants::CheckFiles(ArtifactStore& artifacts) {
  for (const auto& [id, rows] : view_.jobs) {
    if (!rows.looked_at) continue;
    for (const v1::Checkpoint& checkpoint : rows.checkpoints) {
      if (checkpoint.state() != v1::STORED) continue;
      for (const v1::ArtifactFile& file : checkpoint.files()) {
        const absl::StatusOr<uint64_t> size = artifacts.FileSize(file.sha256());
        Require(size.ok() && *size == file.size(),
                absl::StrCat(CheckpointName(checkpoint), " is stored, its file ", file.name(),
                             " is not: ", size.status().ToString()));
      }
    }
  }
}

// --- the end ---

bool Invariants::AllEnded() const {
  return std::all_of(view_.jobs.begin(), view_.jobs.end(),
                     [](const auto& entry) { return IsEnded(entry.second.job.state()); });
}

void Invariants::CheckEnd(JobStore& store, ArtifactStore& artifacts, absl::Time now) {
  checks_ += kChecksPerFullOne - 1 - checks_ % kChecksPerFullOne;
  Check(store, artifacts, now);
  for (const auto& [id, rows] : view_.jobs) CheckRightEnd(store, rows);
}

void Invariants::CheckRightEnd(JobStore& store, const StoreView::JobRows& rows) {
  const v1::Job& job = rows.job;
  const std::string what = absl::StrCat(Name(job), " ended ", v1::JobState_Name(job.state()), " (",
                                        v1::EndReason_Name(job.reason()), ", \"", job.message(), "\")");
  Require(IsEnded(job.state()),
          absl::StrCat(Name(job), " never ended; it is ", v1::JobState_Name(job.state()), " after ",
                       job.attempts(), " attempts"));
  std::string script;
  std::string log;
  bool has_max_time = false;
  const absl::Status read = store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Job with_spec, reader.GetJob(job.id()));
    script = with_spec.spec().labels().at("script");
    has_max_time = with_spec.spec().resources().has_max_time();
    if (!rows.attempts.empty()) {
      ASSIGN_OR_RETURN(log, reader.Log(job.id(), rows.attempts.back().number(), 0, 1 << 20));
    }
    return absl::OkStatus();
  });
  Require(read.ok(), read.ToString());
  if (!rows.attempts.empty()) {
    Require(log.size() == rows.attempts.back().acknowledged_log_offset(),
            absl::StrCat("the log of ", Name(rows.attempts.back()), " has ", log.size(),
                         " bytes, acknowledged are ", rows.attempts.back().acknowledged_log_offset()));
  }
  const bool cancel_asked = ledger_.cancel_asked.contains(job.id());
  switch (job.state()) {
    case v1::SUCCEEDED:
      return Require(ledger_.completed.contains({job.id(), job.attempts()}),
                     absl::StrCat(what, " although no trainer has done its work"));
    case v1::CANCELLED:
      return Require(cancel_asked || job.reason() == v1::DEPENDENCY_FAILED, absl::StrCat(what, " unasked"));
    default:
      break;
  }
  Require(!ledger_.cancelled.contains(job.id()) || ledger_.requeue_asked.contains(job.id()),
          absl::StrCat(what, " although it was cancelled"));
  const bool by_script = (script == "user_error" && job.reason() == v1::USER_ERROR) ||
                         (script == "non_finite" && job.reason() == v1::NON_FINITE) ||
                         (script == "corrupt" && job.reason() == v1::CHECKPOINT_CORRUPT) ||
                         (has_max_time && job.reason() == v1::TIMEOUT);
  const bool budget =
      absl::StrContains(job.message(), "exhausted") || absl::StrContains(job.message(), "attempts each");
  Require(by_script || budget, absl::StrCat(what, " without a cause"));
}

void Invariants::CheckSwept(JobStore& store, ArtifactStore& artifacts) {
  const auto files = artifacts.List("", 100'000);
  Require(files.ok(), files.status().ToString());
  if (!files.ok()) return;
  const absl::Status read = store.Read([&](StoreReader& reader) -> absl::Status {
    for (const std::string& sha256 : *files) {
      ASSIGN_OR_RETURN(const bool referenced, reader.IsReferenced(sha256));
      Require(referenced, absl::StrCat("file ", sha256, " outlived the sweep without a reference"));
      ASSIGN_OR_RETURN(const auto row, reader.StoredFile(sha256));
      Require(row.has_value(), absl::StrCat("file ", sha256, " has no row"));
      const absl::Status sound = artifacts.Verify(sha256);
      Require(sound.ok(), sound.ToString());
    }
    return absl::OkStatus();
  });
  Require(read.ok(), read.ToString());
}

}  // namespace ecgtrain::simulation
