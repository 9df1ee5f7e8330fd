#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "tests/fakes/fake_store_transaction.h"

namespace ecgtrain {
namespace {

v1::Job WithoutSpec(v1::Job job) {
  job.clear_spec();
  return job;
}

bool Matches(const v1::Job& job, const JobQuery& query) {
  const auto has_label = [&job](const auto& label) {
    const auto found = job.labels().find(label.first);
    return found != job.labels().end() && found->second == label.second;
  };
  return (query.below_id <= 0 || job.id() < query.below_id) &&
         (query.states.empty() ||
          std::find(query.states.begin(), query.states.end(), job.state()) != query.states.end()) &&
         (query.user.empty() || job.user() == query.user) &&
         (!query.submitted_after.has_value() ||
          google::protobuf::util::TimeUtil::TimestampToMicroseconds(job.submitted()) >
              absl::ToUnixMicros(*query.submitted_after)) &&
         std::all_of(query.labels.begin(), query.labels.end(), has_label);
}

// The values of a map whose key begins with `job_id`.
template <typename Map>
std::vector<typename Map::mapped_type> RowsOfJob(const Map& rows, int64_t job_id) {
  std::vector<typename Map::mapped_type> result;
  for (const auto& [key, row] : rows) {
    if (std::get<0>(key) == job_id) result.push_back(row);
  }
  return result;
}

}  // namespace

absl::StatusOr<v1::Job> FakeStoreTransaction::GetJob(int64_t id) {
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) return absl::NotFoundError(absl::StrCat("job/", id, " does not exist"));
  return found->second;
}

absl::StatusOr<std::vector<v1::Job>> FakeStoreTransaction::ListJobs(const JobQuery& query) {
  std::vector<v1::Job> jobs;
  for (auto row = state_.jobs.rbegin(); row != state_.jobs.rend(); ++row) {
    if (static_cast<int>(jobs.size()) == query.limit) break;
    if (Matches(row->second, query)) jobs.push_back(WithoutSpec(row->second));
  }
  return jobs;
}

absl::StatusOr<std::vector<int64_t>> FakeStoreTransaction::FindJobsByName(absl::string_view name) {
  std::vector<int64_t> ids;
  for (auto row = state_.jobs.rbegin(); row != state_.jobs.rend() && ids.size() < 10; ++row) {
    if (row->second.name() == name) ids.push_back(row->first);
  }
  return ids;
}

absl::StatusOr<std::optional<int64_t>> FakeStoreTransaction::NewestJobOf(absl::string_view user) {
  for (auto row = state_.jobs.rbegin(); row != state_.jobs.rend(); ++row) {
    if (row->second.user() == user) return row->first;
  }
  return std::nullopt;
}

absl::StatusOr<v1::JobState> FakeStoreTransaction::StateOfJob(int64_t id) {
  ASSIGN_OR_RETURN(const v1::Job job, GetJob(id));
  return job.state();
}

absl::StatusOr<QueuedJobs> FakeStoreTransaction::Queue(int limit) {
  QueuedJobs jobs;
  for (const auto& [id, job] : state_.jobs) {
    if (job.state() == v1::QUEUED) jobs.push_back(std::make_shared<const QueuedJob>(QueuedJobOf(job)));
  }
  std::sort(jobs.begin(), jobs.end(), [](const auto& a, const auto& b) {
    return std::pair(-PriorityRank(a->priority), a->id) < std::pair(-PriorityRank(b->priority), b->id);
  });
  if (static_cast<int>(jobs.size()) > limit) jobs.resize(limit);
  return jobs;
}

absl::StatusOr<std::vector<int64_t>> FakeStoreTransaction::WaitingDependents(int64_t id) {
  std::vector<int64_t> ids;
  for (const auto& [job_id, job] : state_.jobs) {
    const auto& on = job.dependencies();
    if (job.state() <= v1::PAUSED && std::find(on.begin(), on.end(), id) != on.end()) ids.push_back(job_id);
  }
  return ids;
}

absl::StatusOr<std::map<v1::JobState, int64_t>> FakeStoreTransaction::CountJobs() {
  std::map<v1::JobState, int64_t> counts;
  for (const auto& [id, job] : state_.jobs) ++counts[job.state()];
  return counts;
}

absl::StatusOr<int64_t> FakeStoreTransaction::CountQueued(absl::string_view user) {
  return std::count_if(state_.jobs.begin(), state_.jobs.end(), [user](const auto& entry) {
    return entry.second.state() == v1::QUEUED && (user.empty() || entry.second.user() == user);
  });
}

absl::StatusOr<v1::Attempt> FakeStoreTransaction::GetAttempt(int64_t job_id, uint32_t number) {
  const auto found = state_.attempts.find({job_id, number});
  if (found == state_.attempts.end())
    return absl::NotFoundError(absl::StrCat("attempt ", job_id, ".", number, " does not exist"));
  return found->second;
}

absl::StatusOr<std::vector<v1::Attempt>> FakeStoreTransaction::ListAttempts(int64_t job_id) {
  return RowsOfJob(state_.attempts, job_id);
}

absl::StatusOr<std::vector<v1::Attempt>> FakeStoreTransaction::LiveAttempts(absl::string_view worker) {
  std::vector<v1::Attempt> live;
  for (const auto& [key, attempt] : state_.attempts) {
    if (attempt.state() != v1::ENDED && (worker.empty() || attempt.worker() == worker))
      live.push_back(attempt);
  }
  std::sort(live.begin(), live.end(),
            [](const v1::Attempt& a, const v1::Attempt& b) { return a.token() < b.token(); });
  return live;
}

absl::StatusOr<std::vector<v1::Attempt>> FakeStoreTransaction::RecentAttempts(absl::string_view worker) {
  constexpr size_t kNewest = 1000;
  std::vector<v1::Attempt> recent;
  for (const auto& [key, attempt] : state_.attempts) recent.push_back(attempt);
  std::sort(recent.begin(), recent.end(),
            [](const v1::Attempt& a, const v1::Attempt& b) { return a.token() > b.token(); });
  if (recent.size() > kNewest) recent.resize(kNewest);
  std::erase_if(recent, [&](const v1::Attempt& attempt) {
    return attempt.state() != v1::ENDED || attempt.worker() != worker;
  });
  return recent;
}

absl::StatusOr<v1::Worker> FakeStoreTransaction::GetWorker(absl::string_view name) {
  const auto found = state_.workers.find(std::string(name));
  if (found == state_.workers.end())
    return absl::NotFoundError(absl::StrCat("worker ", name, " is not known"));
  return found->second;
}

absl::StatusOr<std::vector<v1::Worker>> FakeStoreTransaction::ListWorkers() {
  std::vector<v1::Worker> workers;
  for (const auto& [name, worker] : state_.workers) workers.push_back(worker);
  return workers;
}

absl::StatusOr<std::vector<v1::JobEvent>> FakeStoreTransaction::Events(int64_t job_id, int64_t after,
                                                                       int limit) {
  std::vector<v1::JobEvent> events;
  for (const v1::JobEvent& event : state_.events) {
    if (static_cast<int>(events.size()) == limit) break;
    if (event.seq() > after && (job_id == 0 || event.job_id() == job_id)) events.push_back(event);
  }
  return events;
}

absl::StatusOr<std::vector<MetricRow>> FakeStoreTransaction::Metrics(const MetricQuery& query) {
  std::vector<MetricRow> rows;
  const std::pair<uint32_t, uint64_t> after(query.after.attempt(), query.after.seq());
  for (const MetricRow& row : RowsOfJob(state_.metrics, query.job_id)) {
    if (std::pair(row.point.attempt(), row.seq) <= after) continue;
    const bool same_event =
        !rows.empty() && rows.back().seq == row.seq && rows.back().point.attempt() == row.point.attempt();
    if (static_cast<int>(rows.size()) >= query.limit && !same_event) break;
    rows.push_back(row);
  }
  return rows;
}

absl::StatusOr<std::string> FakeStoreTransaction::Log(int64_t job_id, uint32_t attempt, uint64_t offset,
                                                      size_t limit) {
  const auto found = state_.logs.find({job_id, attempt});
  if (found == state_.logs.end() || offset >= found->second.size()) return std::string();
  return found->second.substr(offset, limit);
}

absl::StatusOr<std::vector<v1::Checkpoint>> FakeStoreTransaction::Checkpoints(int64_t job_id) {
  std::vector<v1::Checkpoint> rows = RowsOfJob(state_.checkpoints, job_id);
  std::sort(rows.begin(), rows.end(), [](const v1::Checkpoint& a, const v1::Checkpoint& b) {
    return std::pair(a.step(), a.attempt()) < std::pair(b.step(), b.attempt());
  });
  return rows;
}

absl::StatusOr<std::vector<v1::Artifact>> FakeStoreTransaction::Artifacts(int64_t job_id) {
  return RowsOfJob(state_.artifacts, job_id);
}

absl::StatusOr<std::optional<uint64_t>> FakeStoreTransaction::StoredFile(absl::string_view sha256) {
  const auto found = state_.files.find(std::string(sha256));
  if (found == state_.files.end()) return std::nullopt;
  return found->second.size;
}

absl::StatusOr<bool> FakeStoreTransaction::IsReferenced(absl::string_view sha256) {
  for (const auto& [key, checkpoint] : state_.checkpoints) {
    for (const v1::ArtifactFile& file : checkpoint.files()) {
      if (file.sha256() == sha256) return true;
    }
  }
  return std::any_of(state_.artifacts.begin(), state_.artifacts.end(),
                     [sha256](const auto& row) { return row.second.file().sha256() == sha256; });
}

absl::StatusOr<std::optional<RequestRow>> FakeStoreTransaction::FindRequest(absl::string_view principal,
                                                                            absl::string_view request_id) {
  const auto found = state_.requests.find({std::string(principal), std::string(request_id)});
  if (found == state_.requests.end()) return std::nullopt;
  return found->second.row;
}

absl::StatusOr<TokenRow> FakeStoreTransaction::FindToken(absl::string_view sha256) {
  for (const TokenRow& row : state_.tokens) {
    if (row.sha256 == sha256) return row;
  }
  return absl::NotFoundError("no token has this secret");
}

absl::StatusOr<std::vector<v1::Token>> FakeStoreTransaction::ListTokens() {
  std::vector<v1::Token> tokens;
  for (const TokenRow& row : state_.tokens) tokens.push_back(row.token);
  return tokens;
}

}  // namespace ecgtrain
