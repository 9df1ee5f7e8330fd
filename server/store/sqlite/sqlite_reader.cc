#include "server/store/sqlite/sqlite_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_join.h"
#include "server/store/sqlite/row_values.h"

namespace ecgtrain {
namespace {

// Jobs that are sorted sooner than found among all others.
constexpr int64_t kFewJobs = 2'000;

// All rows of a statement whose first column is a record.
template <typename Message>
absl::StatusOr<std::vector<Message>> Records(absl::StatusOr<Statement> query, absl::string_view what) {
  RETURN_IF_ERROR(query.status());
  std::vector<Message> rows;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query->Step());
    if (!row) return rows;
    RETURN_IF_ERROR(ParseRecord(query->Bytes(0), what, rows.emplace_back()));
  }
}

// All rows of a statement whose first column is an integer.
absl::StatusOr<std::vector<int64_t>> Integers(absl::StatusOr<Statement> query) {
  RETURN_IF_ERROR(query.status());
  std::vector<int64_t> rows;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query->Step());
    if (!row) return rows;
    rows.push_back(query->Int(0));
  }
}

// The conditions of ListJobs. Their number is bounded by the API (states, 32 labels), so are the texts
// cached.
std::string ListJobsSql(const JobQuery& query, bool few_newer) {
  std::string sql =
      absl::StrCat("SELECT record FROM job", few_newer ? " INDEXED BY job_by_submission" : "", " WHERE 1");
  if (query.below_id > 0) absl::StrAppend(&sql, " AND id < ?");
  if (!query.states.empty()) {
    // The unary plus keeps an index out: it would sort all ended jobs to list the newest few.
    const bool sorts_history =
        query.states.size() > 1 &&
        std::any_of(query.states.begin(), query.states.end(), [](v1::JobState s) { return s > v1::PAUSED; });
    absl::StrAppend(&sql, " AND ", sorts_history ? "+" : "", "state IN (",
                    absl::StrJoin(query.states, ",",
                                  [](std::string* out, v1::JobState state) {
                                    absl::StrAppend(out, static_cast<int>(state));
                                  }),
                    ")");
  }
  if (!query.user.empty()) absl::StrAppend(&sql, " AND user = ?");
  if (query.submitted_after.has_value())
    absl::StrAppend(&sql, few_newer ? " AND submitted > ?" : " AND +submitted > ?");
  for (size_t i = 0; i < query.labels.size(); ++i) {
    absl::StrAppend(&sql,
                    " AND EXISTS (SELECT 1 FROM job_label WHERE key = ? AND value = ? AND job = job.id)");
  }
  absl::StrAppend(&sql, " ORDER BY id DESC LIMIT ?");
  return sql;
}

}  // namespace

absl::StatusOr<v1::Job> SqliteReader::GetJob(int64_t id) {
  ASSIGN_OR_RETURN(
      Statement query,
      connection_.Query("SELECT record, spec FROM job JOIN job_spec ON job = id WHERE id = ?", id));
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return absl::NotFoundError(absl::StrCat("job/", id, " does not exist"));
  v1::Job job;
  RETURN_IF_ERROR(ParseRecord(query.Bytes(0), absl::StrCat("job/", id), job));
  RETURN_IF_ERROR(
      ParseRecord(query.Bytes(1), absl::StrCat("the specification of job/", id), *job.mutable_spec()));
  return job;
}

absl::StatusOr<std::vector<v1::Job>> SqliteReader::ListJobs(const JobQuery& query) {
  bool few_newer = false;
  if (query.submitted_after.has_value()) {
    ASSIGN_OR_RETURN(few_newer, FewSubmittedAfter(*query.submitted_after));
  }
  ASSIGN_OR_RETURN(Statement statement, connection_.Prepare(ListJobsSql(query, few_newer)));
  int parameter = 0;
  if (query.below_id > 0) statement.Bind(++parameter, query.below_id);
  if (!query.user.empty()) statement.Bind(++parameter, query.user);
  if (query.submitted_after.has_value())
    statement.Bind(++parameter, absl::ToUnixMicros(*query.submitted_after));
  for (const auto& [key, value] : query.labels) {
    statement.Bind(++parameter, key);
    statement.Bind(++parameter, value);
  }
  statement.Bind(++parameter, query.limit);
  return Records<v1::Job>(std::move(statement), "a listed job");
}

absl::StatusOr<bool> SqliteReader::FewSubmittedAfter(absl::Time time) {
  ASSIGN_OR_RETURN(
      const std::vector<int64_t> counts,
      Integers(connection_.Query("SELECT COUNT(*) FROM (SELECT 1 FROM job WHERE submitted > ? LIMIT ?)",
                                 absl::ToUnixMicros(time), kFewJobs + 1)));
  return counts.empty() || counts[0] <= kFewJobs;
}

absl::StatusOr<std::vector<int64_t>> SqliteReader::FindJobsByName(absl::string_view name) {
  return Integers(connection_.Query("SELECT id FROM job WHERE name = ? ORDER BY id DESC LIMIT 10", name));
}

absl::StatusOr<std::optional<int64_t>> SqliteReader::NewestJobOf(absl::string_view user) {
  ASSIGN_OR_RETURN(
      const std::vector<int64_t> ids,
      Integers(connection_.Query("SELECT id FROM job WHERE user = ? ORDER BY id DESC LIMIT 1", user)));
  return ids.empty() ? std::nullopt : std::optional<int64_t>(ids[0]);
}

absl::StatusOr<v1::JobState> SqliteReader::StateOfJob(int64_t id) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> states,
                   Integers(connection_.Query("SELECT state FROM job WHERE id = ?", id)));
  if (states.empty()) return absl::NotFoundError(absl::StrCat("job/", id, " does not exist"));
  return static_cast<v1::JobState>(states[0]);
}

absl::StatusOr<QueuedJobs> SqliteReader::Queue(int limit) {
  ASSIGN_OR_RETURN(
      Statement query,
      connection_.Query("SELECT priority, id, version FROM job INDEXED BY job_queue WHERE state = 1 "
                        "ORDER BY priority DESC, id LIMIT ?",
                        limit));
  const auto known = cache_ == nullptr ? std::make_shared<const QueueCache::Entries>() : cache_->Get();
  auto entries = std::make_shared<QueueCache::Entries>();
  entries->reserve(known->size() + 1);
  QueuedJobs jobs;
  jobs.reserve(known->size() + 1);
  bool changed = false;
  auto old = known->begin();  // both are in the same order
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) break;
    const int64_t priority = query.Int(0), id = query.Int(1), version = query.Int(2);
    while (old != known->end() && std::pair(-old->priority, old->job->id) < std::pair(-priority, id)) ++old;
    if (old != known->end() && old->job->id == id && old->version == version) {
      entries->push_back(*old);
    } else {
      ASSIGN_OR_RETURN(const v1::Job job, GetJob(id));
      entries->push_back({priority, version, std::make_shared<const QueuedJob>(QueuedJobOf(job))});
      changed = true;
    }
    jobs.push_back(entries->back().job);
  }
  if (cache_ != nullptr && (changed || entries->size() != known->size())) cache_->Put(std::move(entries));
  return jobs;
}

absl::StatusOr<std::vector<int64_t>> SqliteReader::WaitingDependents(int64_t id) {
  return Integers(
      connection_.Query("SELECT job FROM job_dependency JOIN job ON job.id = job_dependency.job "
                        "WHERE dependency = ? AND state IN (1, 2, 3) ORDER BY job",
                        id));
}

absl::StatusOr<std::map<v1::JobState, int64_t>> SqliteReader::CountJobs() {
  ASSIGN_OR_RETURN(
      Statement query,
      connection_.Prepare("SELECT state, SUM(jobs) FROM job_count WHERE jobs > 0 GROUP BY state"));
  std::map<v1::JobState, int64_t> counts;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return counts;
    counts[static_cast<v1::JobState>(query.Int(0))] = query.Int(1);
  }
}

absl::StatusOr<int64_t> SqliteReader::CountQueued(absl::string_view user) {
  ASSIGN_OR_RETURN(
      const std::vector<int64_t> counts,
      Integers(user.empty()
                   ? connection_.Prepare("SELECT IFNULL(SUM(jobs), 0) FROM job_count WHERE state = 1")
                   : connection_.Query("SELECT jobs FROM job_count WHERE state = 1 AND user = ?", user)));
  return counts.empty() ? 0 : counts[0];
}

absl::StatusOr<v1::Attempt> SqliteReader::GetAttempt(int64_t job_id, uint32_t number) {
  ASSIGN_OR_RETURN(
      const std::vector<v1::Attempt> rows,
      Records<v1::Attempt>(
          connection_.Query("SELECT record FROM attempt WHERE job = ? AND number = ?", job_id, number),
          "an attempt"));
  if (rows.empty())
    return absl::NotFoundError(absl::StrCat("attempt ", job_id, ".", number, " does not exist"));
  return rows[0];
}

absl::StatusOr<std::vector<v1::Attempt>> SqliteReader::ListAttempts(int64_t job_id) {
  return Records<v1::Attempt>(
      connection_.Query("SELECT record FROM attempt WHERE job = ? ORDER BY number", job_id), "an attempt");
}

absl::StatusOr<std::vector<v1::Attempt>> SqliteReader::LiveAttempts(absl::string_view worker) {
  return Records<v1::Attempt>(
      worker.empty()
          // Named: the order by token would lure SQLite through all ended attempts.
          ? connection_.Query("SELECT record FROM attempt INDEXED BY attempt_live_of_job WHERE state <> 3 "
                              "ORDER BY token")
          : connection_.Query("SELECT record FROM attempt WHERE worker = ? AND state <> 3 ORDER BY token",
                              worker),
      "an attempt");
}

absl::StatusOr<std::vector<v1::Attempt>> SqliteReader::RecentAttempts(absl::string_view worker) {
  return Records<v1::Attempt>(
      connection_.Query("SELECT record FROM (SELECT * FROM attempt ORDER BY token DESC LIMIT 1000) "
                        "WHERE worker = ? AND state = 3 ORDER BY token DESC",
                        worker),
      "an attempt");
}

absl::StatusOr<v1::Worker> SqliteReader::GetWorker(absl::string_view name) {
  ASSIGN_OR_RETURN(
      const std::vector<v1::Worker> rows,
      Records<v1::Worker>(connection_.Query("SELECT record FROM worker WHERE name = ?", name), "a worker"));
  if (rows.empty()) return absl::NotFoundError(absl::StrCat("worker ", name, " is not known"));
  return rows[0];
}

absl::StatusOr<std::vector<v1::Worker>> SqliteReader::ListWorkers() {
  return Records<v1::Worker>(connection_.Prepare("SELECT record FROM worker ORDER BY name"), "a worker");
}

absl::StatusOr<std::vector<v1::JobEvent>> SqliteReader::Events(int64_t job_id, int64_t after, int limit) {
  ASSIGN_OR_RETURN(
      Statement query,
      job_id == 0
          ? connection_.Query("SELECT record, seq FROM event WHERE seq > ? ORDER BY seq LIMIT ?", after,
                              limit)
          : connection_.Query("SELECT record, seq FROM event WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?",
                              job_id, after, limit));
  std::vector<v1::JobEvent> events;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return events;
    v1::JobEvent& event = events.emplace_back();
    RETURN_IF_ERROR(ParseRecord(query.Bytes(0), absl::StrCat("event ", query.Int(1)), event));
    event.set_seq(query.Int(1));
  }
}

absl::StatusOr<std::vector<MetricRow>> SqliteReader::Metrics(const MetricQuery& query) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection_.Query("SELECT attempt, seq, metric_name.name, step, epoch, value, time "
                        "FROM metric CROSS JOIN metric_name ON metric_name.id = metric.name "
                        "WHERE job = ?1 AND (attempt, seq) > (?2, ?3) ORDER BY attempt, seq, metric.name",
                        query.job_id, query.after.attempt(), Clamped(query.after.seq())));
  std::vector<MetricRow> rows;
  while (true) {
    ASSIGN_OR_RETURN(const bool there, statement.Step());
    if (!there) return rows;
    const uint32_t attempt = static_cast<uint32_t>(statement.Int(0));
    const uint64_t seq = static_cast<uint64_t>(statement.Int(1));
    const bool same_event = !rows.empty() && rows.back().seq == seq && rows.back().point.attempt() == attempt;
    if (static_cast<int64_t>(rows.size()) >= query.limit && !same_event) return rows;
    MetricRow& row = rows.emplace_back();
    row.seq = seq;
    row.point.set_attempt(attempt);
    const absl::string_view name = statement.Bytes(2);
    row.point.set_name(name.data(), name.size());
    row.point.set_step(static_cast<uint64_t>(statement.Int(3)));
    row.point.set_epoch(static_cast<uint32_t>(statement.Int(4)));
    row.point.set_value(statement.IsNull(5) ? std::nan("") : statement.Double(5));
    *row.point.mutable_time() = TimestampOf(statement.Int(6));
  }
}

absl::StatusOr<std::string> SqliteReader::Log(int64_t job_id, uint32_t attempt, uint64_t offset,
                                              size_t limit) {
  const int64_t from = Clamped(offset);
  ASSIGN_OR_RETURN(Statement query,
                   connection_.Query("SELECT start, bytes FROM log_chunk WHERE job = ?1 AND attempt = ?2 AND "
                                     "start > ?3 - ?4 AND start + size > ?3 ORDER BY start",
                                     job_id, attempt, from, kMaxLogChunk));
  std::string bytes;
  while (bytes.size() < limit) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) break;
    absl::string_view chunk = query.Bytes(1);
    if (query.Int(0) < from) chunk.remove_prefix(from - query.Int(0));
    bytes.append(chunk.data(), std::min(chunk.size(), limit - bytes.size()));
  }
  return bytes;
}

absl::StatusOr<std::vector<v1::Checkpoint>> SqliteReader::Checkpoints(int64_t job_id) {
  return Records<v1::Checkpoint>(
      connection_.Query("SELECT record FROM checkpoint WHERE job = ? ORDER BY step, attempt", job_id),
      "a checkpoint");
}

absl::StatusOr<std::vector<v1::Artifact>> SqliteReader::Artifacts(int64_t job_id) {
  return Records<v1::Artifact>(
      connection_.Query("SELECT record FROM artifact WHERE job = ? ORDER BY attempt, path", job_id),
      "an artifact");
}

absl::StatusOr<std::optional<uint64_t>> SqliteReader::StoredFile(absl::string_view sha256) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                   Integers(connection_.Query("SELECT size FROM stored_file WHERE sha256 = ?", sha256)));
  return sizes.empty() ? std::nullopt : std::optional<uint64_t>(sizes[0]);
}

absl::StatusOr<bool> SqliteReader::IsReferenced(absl::string_view sha256) {
  ASSIGN_OR_RETURN(Statement query,
                   connection_.Query("SELECT 1 FROM file_reference WHERE sha256 = ? LIMIT 1", sha256));
  return query.Step();
}

absl::StatusOr<std::optional<RequestRow>> SqliteReader::FindRequest(absl::string_view principal,
                                                                    absl::string_view request_id) {
  ASSIGN_OR_RETURN(
      Statement query,
      connection_.Query("SELECT content, answer FROM request WHERE principal = ? AND request_id = ?",
                        principal, request_id));
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return std::nullopt;
  return RequestRow{std::string(query.Bytes(0)), std::string(query.Bytes(1))};
}

absl::StatusOr<TokenRow> SqliteReader::FindToken(absl::string_view sha256) {
  ASSIGN_OR_RETURN(
      std::vector<v1::Token> rows,
      Records<v1::Token>(connection_.Query("SELECT record FROM token WHERE sha256 = ?", sha256), "a token"));
  if (rows.empty()) return absl::NotFoundError("no token has this secret");
  return TokenRow{std::move(rows[0]), std::string(sha256)};
}

absl::StatusOr<std::vector<v1::Token>> SqliteReader::ListTokens() {
  return Records<v1::Token>(connection_.Prepare("SELECT record FROM token ORDER BY id"), "a token");
}

}  // namespace ecgtrain
