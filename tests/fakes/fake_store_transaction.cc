#include "tests/fakes/fake_store_transaction.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace ecgtrain {

absl::Status FakeStoreTransaction::CheckJobExists(int64_t id) const {
  if (state_.jobs.contains(id)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("job/", id, " does not exist"));
}

absl::Status FakeStoreTransaction::InsertJob(v1::Job& job) {
  job.set_id(state_.jobs.empty() ? 1 : state_.jobs.rbegin()->first + 1);
  state_.jobs[job.id()] = job;
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::UpdateJob(const v1::Job& job) {
  RETURN_IF_ERROR(CheckJobExists(job.id()));
  v1::Job& row = state_.jobs[job.id()];
  const v1::JobSpec spec = row.spec();
  row = job;
  *row.mutable_spec() = spec;
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::CheckDevicesFree(const v1::Attempt& attempt) const {
  for (const auto& [key, other] : state_.attempts) {
    if (other.state() == v1::ENDED) continue;
    if (other.job_id() == attempt.job_id()) {
      return absl::FailedPreconditionError(absl::StrCat("job/", attempt.job_id(), " has a live attempt"));
    }
    if (other.worker() != attempt.worker()) continue;
    for (const std::string& device : other.devices()) {
      const auto& wanted = attempt.devices();
      if (std::find(wanted.begin(), wanted.end(), device) != wanted.end())
        return absl::FailedPreconditionError(absl::StrCat("device ", device, " is in use"));
    }
  }
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::InsertAttempt(v1::Attempt& attempt) {
  RETURN_IF_ERROR(CheckJobExists(attempt.job_id()));
  RETURN_IF_ERROR(CheckDevicesFree(attempt));
  const FakeJobStoreState::AttemptKey key(attempt.job_id(), attempt.number());
  if (state_.attempts.contains(key)) return absl::AlreadyExistsError("the attempt exists");
  attempt.set_token(++state_.last_attempt_token);
  state_.attempts[key] = attempt;
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::UpdateAttempt(const v1::Attempt& attempt) {
  const auto found = state_.attempts.find({attempt.job_id(), attempt.number()});
  if (found == state_.attempts.end() || found->second.token() != attempt.token())
    return absl::NotFoundError("no attempt has this number and token");
  if (found->second.state() == v1::ENDED && attempt.state() != v1::ENDED)
    return absl::FailedPreconditionError("the attempt has ended");
  found->second = attempt;
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::PutWorker(const v1::Worker& worker) {
  state_.workers[worker.name()] = worker;
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::AppendEvent(v1::JobEvent& event) {
  event.set_seq(static_cast<int64_t>(state_.events.size()) + 1);
  state_.events.push_back(event);
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::AppendMetrics(int64_t job_id, const std::vector<MetricRow>& rows) {
  for (const MetricRow& row : rows) {
    RETURN_IF_ERROR(GetAttempt(job_id, row.point.attempt()).status());
    state_.metrics.try_emplace({job_id, row.point.attempt(), row.seq, row.point.name()}, row);
  }
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::AppendLog(int64_t job_id, uint32_t attempt, uint64_t offset,
                                             absl::string_view bytes) {
  RETURN_IF_ERROR(GetAttempt(job_id, attempt).status());
  std::string& log = state_.logs[{job_id, attempt}];
  if (offset != log.size())
    return absl::OutOfRangeError(absl::StrCat("the log ends at ", log.size(), ", not at ", offset));
  log.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::PutCheckpoint(const v1::Checkpoint& checkpoint) {
  RETURN_IF_ERROR(CheckJobExists(checkpoint.job_id()));
  state_.checkpoints[{checkpoint.job_id(), checkpoint.attempt(), checkpoint.name()}] = checkpoint;
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::DeleteCheckpoint(int64_t job_id, uint32_t attempt,
                                                    absl::string_view name) {
  if (state_.checkpoints.erase({job_id, attempt, std::string(name)}) == 0)
    return absl::NotFoundError(absl::StrCat("checkpoint ", name, " does not exist"));
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::PutArtifact(const v1::Artifact& artifact) {
  RETURN_IF_ERROR(CheckJobExists(artifact.job_id()));
  state_.artifacts[{artifact.job_id(), artifact.attempt(), artifact.path()}] = artifact;
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::PutStoredFile(absl::string_view sha256, uint64_t size) {
  state_.files[std::string(sha256)] = {size, now_};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FakeStoreTransaction::TakeUnreferencedFiles(absl::Time time,
                                                                                     int limit) {
  std::vector<std::string> digests;
  for (const auto& [sha256, file] : state_.files) {
    if (static_cast<int>(digests.size()) == limit) break;
    ASSIGN_OR_RETURN(const bool referenced, IsReferenced(sha256));
    if (file.stored < time && !referenced) digests.push_back(sha256);
  }
  for (const std::string& sha256 : digests) state_.files.erase(sha256);
  return digests;
}

absl::Status FakeStoreTransaction::PutRequest(absl::string_view principal, absl::string_view request_id,
                                              const RequestRow& row) {
  const bool added = state_.requests
                         .try_emplace({std::string(principal), std::string(request_id)},
                                      FakeJobStoreState::Request{row, now_})
                         .second;
  return added ? absl::OkStatus()
               : absl::AlreadyExistsError(absl::StrCat("request ", request_id, " is there"));
}

absl::Status FakeStoreTransaction::DeleteRequestsBefore(absl::Time time) {
  std::erase_if(state_.requests, [time](const auto& request) { return request.second.made < time; });
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::InsertToken(TokenRow& row) {
  if (FindToken(row.sha256).ok()) return absl::AlreadyExistsError("a token has this secret");
  row.token.set_id(static_cast<int64_t>(state_.tokens.size()) + 1);
  state_.tokens.push_back(row);
  return absl::OkStatus();
}

absl::Status FakeStoreTransaction::UpdateToken(const v1::Token& token) {
  for (TokenRow& row : state_.tokens) {
    if (row.token.id() != token.id()) continue;
    row.token = token;
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("token ", token.id(), " does not exist"));
}

}  // namespace ecgtrain
