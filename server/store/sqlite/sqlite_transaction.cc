#include "server/store/sqlite/sqlite_transaction.h"

#include <utility>

#include "server/store/sqlite/row_values.h"

namespace ecgtrain {
namespace {

// What the column `record` of a job holds.
std::string RecordOf(v1::Job job) {
  job.clear_spec();
  return job.SerializeAsString();
}

std::string AttemptName(const v1::Attempt& attempt) {
  return absl::StrCat("attempt ", attempt.job_id(), ".", attempt.number());
}

// Replaces what one owner row refers to in the artifact store.
absl::Status PutReferences(Connection& connection, int64_t job, uint32_t attempt, const std::string& owner,
                           const std::vector<std::string>& digests) {
  RETURN_IF_ERROR(connection.Run("DELETE FROM file_reference WHERE job = ? AND attempt = ? AND owner = ?",
                                 job, attempt, owner));
  for (const std::string& sha256 : digests) {
    RETURN_IF_ERROR(connection.Run(
        "INSERT OR IGNORE INTO file_reference (sha256, job, attempt, owner) VALUES (?, ?, ?, ?)", sha256, job,
        attempt, owner));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SqliteTransaction::InsertJob(v1::Job& job) {
  job.clear_id();
  RETURN_IF_ERROR(connection_.Run(
      "INSERT INTO job (state, priority, name, user, submitted, record) VALUES (?, ?, ?, ?, ?, x'')",
      static_cast<int>(job.state()), PriorityRank(job.priority()), job.name(), job.user(),
      MicrosOf(job.submitted())));
  job.set_id(connection_.LastInsertId());
  // The record holds the id, which is known only now.
  RETURN_IF_ERROR(connection_.Run("UPDATE job SET record = ? WHERE id = ?", Blob{RecordOf(job)}, job.id()));
  RETURN_IF_ERROR(connection_.Run("INSERT INTO job_spec (job, spec) VALUES (?, ?)", job.id(),
                                  Blob{job.spec().SerializeAsString()}));
  for (const auto& [key, value] : job.labels()) {
    RETURN_IF_ERROR(
        connection_.Run("INSERT INTO job_label (key, value, job) VALUES (?, ?, ?)", key, value, job.id()));
  }
  for (const int64_t dependency : job.dependencies()) {
    RETURN_IF_ERROR(connection_.Run("INSERT OR IGNORE INTO job_dependency (dependency, job) VALUES (?, ?)",
                                    dependency, job.id()));
  }
  return absl::OkStatus();
}

absl::Status SqliteTransaction::UpdateJob(const v1::Job& job) {
  RETURN_IF_ERROR(connection_.Run(
      "UPDATE job SET state = ?, priority = ?, name = ?, user = ?, submitted = ?, record = ?, "
      "version = version + 1 WHERE id = ?",
      static_cast<int>(job.state()), PriorityRank(job.priority()), job.name(), job.user(),
      MicrosOf(job.submitted()), Blob{RecordOf(job)}, job.id()));
  if (connection_.ChangedRows() == 0)
    return absl::NotFoundError(absl::StrCat("job/", job.id(), " does not exist"));
  return absl::OkStatus();
}

absl::Status SqliteTransaction::CheckDevicesFree(const v1::Attempt& attempt) {
  for (const std::string& device : attempt.devices()) {
    ASSIGN_OR_RETURN(Statement query,
                     connection_.Query("SELECT job, number FROM device_use JOIN attempt USING (token) "
                                       "WHERE device_use.worker = ? AND device = ?",
                                       attempt.worker(), device));
    ASSIGN_OR_RETURN(const bool used, query.Step());
    if (used) {
      return absl::FailedPreconditionError(absl::StrCat("device ", device, " of worker ", attempt.worker(),
                                                        " is in use by attempt ", query.Int(0), ".",
                                                        query.Int(1)));
    }
  }
  return absl::OkStatus();
}

absl::Status SqliteTransaction::InsertAttempt(v1::Attempt& attempt) {
  attempt.clear_token();
  RETURN_IF_ERROR(CheckDevicesFree(attempt));
  if (attempt.state() != v1::ENDED) {
    ASSIGN_OR_RETURN(
        Statement query,
        connection_.Query("SELECT number FROM attempt WHERE job = ? AND state <> 3", attempt.job_id()));
    ASSIGN_OR_RETURN(const bool live, query.Step());
    if (live) {
      return absl::FailedPreconditionError(absl::StrCat("job/", attempt.job_id(), " has the live attempt ",
                                                        attempt.job_id(), ".", query.Int(0)));
    }
  }
  RETURN_IF_ERROR(connection_.Run(
      "INSERT INTO attempt (job, number, state, worker, record) VALUES (?, ?, ?, ?, x'')", attempt.job_id(),
      attempt.number(), static_cast<int>(attempt.state()), attempt.worker()));
  attempt.set_token(connection_.LastInsertId());
  RETURN_IF_ERROR(connection_.Run("UPDATE attempt SET record = ? WHERE token = ?",
                                  Blob{attempt.SerializeAsString()}, attempt.token()));
  if (attempt.state() == v1::ENDED) return absl::OkStatus();
  for (const std::string& device : attempt.devices()) {
    RETURN_IF_ERROR(connection_.Run("INSERT INTO device_use (worker, device, token) VALUES (?, ?, ?)",
                                    attempt.worker(), device, attempt.token()));
  }
  return absl::OkStatus();
}

absl::Status SqliteTransaction::UpdateAttempt(const v1::Attempt& attempt) {
  // An ended attempt may be written again only as an ended one: its devices are no longer its own.
  RETURN_IF_ERROR(connection_.Run(
      "UPDATE attempt SET state = ?1, record = ?2 WHERE job = ?3 AND number = ?4 AND token = ?5 "
      "AND (state <> 3 OR ?1 = 3)",
      static_cast<int>(attempt.state()), Blob{attempt.SerializeAsString()}, attempt.job_id(),
      attempt.number(), attempt.token()));
  if (connection_.ChangedRows() == 0) {
    ASSIGN_OR_RETURN(const v1::Attempt there, GetAttempt(attempt.job_id(), attempt.number()));
    if (there.token() != attempt.token()) {
      return absl::NotFoundError(
          absl::StrCat(AttemptName(attempt), " has the token ", there.token(), ", not ", attempt.token()));
    }
    return absl::FailedPreconditionError(absl::StrCat(AttemptName(attempt), " has ended"));
  }
  if (attempt.state() != v1::ENDED) return absl::OkStatus();
  return connection_.Run("DELETE FROM device_use WHERE token = ?", attempt.token());
}

absl::Status SqliteTransaction::PutWorker(const v1::Worker& worker) {
  return connection_.Run(
      "INSERT INTO worker (name, record) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET record = "
      "excluded.record",
      worker.name(), Blob{worker.SerializeAsString()});
}

absl::Status SqliteTransaction::AppendEvent(v1::JobEvent& event) {
  event.clear_seq();
  RETURN_IF_ERROR(connection_.Run("INSERT INTO event (job, record) VALUES (?, ?)", event.job_id(),
                                  Blob{event.SerializeAsString()}));
  event.set_seq(connection_.LastInsertId());
  return absl::OkStatus();
}

absl::Status SqliteTransaction::CheckAttemptExists(int64_t job_id, uint32_t number) {
  ASSIGN_OR_RETURN(Statement query,
                   connection_.Query("SELECT 1 FROM attempt WHERE job = ? AND number = ?", job_id, number));
  ASSIGN_OR_RETURN(const bool there, query.Step());
  if (!there) return absl::NotFoundError(absl::StrCat("attempt ", job_id, ".", number, " does not exist"));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteTransaction::MetricNameId(const std::string& name) {
  const auto known = metric_names_.find(name);
  if (known != metric_names_.end()) return known->second;
  RETURN_IF_ERROR(connection_.Run("INSERT OR IGNORE INTO metric_name (name) VALUES (?)", name));
  ASSIGN_OR_RETURN(Statement query, connection_.Query("SELECT id FROM metric_name WHERE name = ?", name));
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return absl::InternalError(absl::StrCat("metric name ", name, " was not interned"));
  return metric_names_[name] = query.Int(0);
}

absl::Status SqliteTransaction::AppendMetrics(int64_t job_id, const std::vector<MetricRow>& rows) {
  ASSIGN_OR_RETURN(
      Statement insert,
      connection_.Prepare("INSERT OR IGNORE INTO metric (job, attempt, seq, name, step, epoch, value, "
                          "time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  std::optional<uint32_t> checked_attempt;
  for (const MetricRow& row : rows) {
    if (checked_attempt != row.point.attempt()) {
      RETURN_IF_ERROR(CheckAttemptExists(job_id, row.point.attempt()));
      checked_attempt = row.point.attempt();
    }
    ASSIGN_OR_RETURN(const int64_t name, MetricNameId(row.point.name()));
    insert.Reset();
    insert.Bind(1, job_id);
    insert.Bind(2, row.point.attempt());
    insert.Bind(3, row.seq);
    insert.Bind(4, name);
    insert.Bind(5, row.point.step());
    insert.Bind(6, row.point.epoch());
    insert.Bind(7, row.point.value());  // SQLite makes NULL of NaN
    insert.Bind(8, MicrosOf(row.point.time()));
    RETURN_IF_ERROR(insert.Step().status());
  }
  return absl::OkStatus();
}

absl::Status SqliteTransaction::AppendLog(int64_t job_id, uint32_t attempt, uint64_t offset,
                                          absl::string_view bytes) {
  RETURN_IF_ERROR(CheckAttemptExists(job_id, attempt));
  ASSIGN_OR_RETURN(Statement last,
                   connection_.Query("SELECT start + size FROM log_chunk WHERE job = ? AND attempt = ? "
                                     "ORDER BY start DESC LIMIT 1",
                                     job_id, attempt));
  ASSIGN_OR_RETURN(const bool any, last.Step());
  const uint64_t end = any ? static_cast<uint64_t>(last.Int(0)) : 0;
  if (offset != end) {
    return absl::OutOfRangeError(absl::StrCat("the log of attempt ", job_id, ".", attempt, " ends at ", end,
                                              "; bytes from ", offset, " do not follow"));
  }
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kMaxLogChunk))) {
    const absl::string_view chunk = bytes.substr(0, kMaxLogChunk);
    RETURN_IF_ERROR(
        connection_.Run("INSERT INTO log_chunk (job, attempt, start, size, bytes) VALUES (?, ?, ?, ?, ?)",
                        job_id, attempt, offset, chunk.size(), Blob{chunk}));
    offset += chunk.size();
  }
  return absl::OkStatus();
}

absl::Status SqliteTransaction::PutCheckpoint(const v1::Checkpoint& checkpoint) {
  RETURN_IF_ERROR(connection_.Run(
      "INSERT INTO checkpoint (job, attempt, name, step, record) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (job, attempt, name) DO UPDATE SET step = excluded.step, record = excluded.record",
      checkpoint.job_id(), checkpoint.attempt(), checkpoint.name(), checkpoint.step(),
      Blob{checkpoint.SerializeAsString()}));
  std::vector<std::string> digests;
  for (const v1::ArtifactFile& file : checkpoint.files()) digests.push_back(file.sha256());
  return PutReferences(connection_, checkpoint.job_id(), checkpoint.attempt(),
                       absl::StrCat("checkpoint/", checkpoint.name()), digests);
}

absl::Status SqliteTransaction::DeleteCheckpoint(int64_t job_id, uint32_t attempt, absl::string_view name) {
  RETURN_IF_ERROR(connection_.Run("DELETE FROM checkpoint WHERE job = ? AND attempt = ? AND name = ?", job_id,
                                  attempt, name));
  if (connection_.ChangedRows() == 0) {
    return absl::NotFoundError(
        absl::StrCat("checkpoint ", name, " of attempt ", job_id, ".", attempt, " does not exist"));
  }
  return PutReferences(connection_, job_id, attempt, absl::StrCat("checkpoint/", name), {});
}

absl::Status SqliteTransaction::PutArtifact(const v1::Artifact& artifact) {
  RETURN_IF_ERROR(connection_.Run(
      "INSERT INTO artifact (job, attempt, path, record) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (job, attempt, path) DO UPDATE SET record = excluded.record",
      artifact.job_id(), artifact.attempt(), artifact.path(), Blob{artifact.SerializeAsString()}));
  return PutReferences(connection_, artifact.job_id(), artifact.attempt(),
                       absl::StrCat("artifact/", artifact.path()), {artifact.file().sha256()});
}

absl::Status SqliteTransaction::PutStoredFile(absl::string_view sha256, uint64_t size) {
  return connection_.Run(
      "INSERT INTO stored_file (sha256, size, stored) VALUES (?, ?, ?) "
      "ON CONFLICT (sha256) DO UPDATE SET size = excluded.size, stored = excluded.stored",
      sha256, size, absl::ToUnixMicros(clock_.Now()));
}

absl::StatusOr<std::vector<std::string>> SqliteTransaction::TakeUnreferencedFiles(absl::Time time,
                                                                                  int limit) {
  ASSIGN_OR_RETURN(
      Statement query,
      connection_.Query("SELECT sha256 FROM stored_file WHERE stored < ? AND NOT EXISTS (SELECT 1 FROM "
                        "file_reference WHERE sha256 = stored_file.sha256) ORDER BY stored LIMIT ?",
                        absl::ToUnixMicros(time), limit));
  std::vector<std::string> digests;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) break;
    digests.emplace_back(query.Bytes(0));
  }
  for (const std::string& sha256 : digests) {
    RETURN_IF_ERROR(connection_.Run("DELETE FROM stored_file WHERE sha256 = ?", sha256));
  }
  return digests;
}

absl::Status SqliteTransaction::PutRequest(absl::string_view principal, absl::string_view request_id,
                                           const RequestRow& row) {
  return WithContext(
      connection_.Run(
          "INSERT INTO request (principal, request_id, made, content, answer) VALUES (?, ?, ?, ?, ?)",
          principal, request_id, absl::ToUnixMicros(clock_.Now()), Blob{row.content}, Blob{row.answer}),
      absl::StrCat("request ", request_id, " of ", principal));
}

absl::Status SqliteTransaction::DeleteRequestsBefore(absl::Time time) {
  return connection_.Run("DELETE FROM request WHERE made < ?", absl::ToUnixMicros(time));
}

absl::Status SqliteTransaction::InsertToken(TokenRow& row) {
  row.token.clear_id();
  RETURN_IF_ERROR(connection_.Run("INSERT INTO token (sha256, record) VALUES (?, x'')", row.sha256));
  row.token.set_id(connection_.LastInsertId());
  return connection_.Run("UPDATE token SET record = ? WHERE id = ?", Blob{row.token.SerializeAsString()},
                         row.token.id());
}

absl::Status SqliteTransaction::UpdateToken(const v1::Token& token) {
  RETURN_IF_ERROR(connection_.Run("UPDATE token SET record = ? WHERE id = ?", Blob{token.SerializeAsString()},
                                  token.id()));
  if (connection_.ChangedRows() == 0)
    return absl::NotFoundError(absl::StrCat("token ", token.id(), " does not exist"));
  return absl::OkStatus();
}

}  // namespace ecgtrain
