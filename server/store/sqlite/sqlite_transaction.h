// StoreTransaction as SQL on the write connection. Bound to the writer thread.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_TRANSACTION_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_TRANSACTION_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/clock.h"
#include "server/store/job_store.h"
#include "server/store/sqlite/sqlite_reader.h"

namespace ecgtrain {

class SqliteTransaction final : public StoreTransaction, public SqliteReader {
 public:
  // `clock` dates requests and stored files.
  SqliteTransaction(Connection& connection, Clock& clock) : SqliteReader(connection), clock_(clock) {}

  // To be called after a rollback: names interned since the last commit may be gone.
  void ForgetCachedNames() { metric_names_.clear(); }

  absl::Status InsertJob(v1::Job& job) override;
  absl::Status UpdateJob(const v1::Job& job) override;
  absl::Status InsertAttempt(v1::Attempt& attempt) override;
  absl::Status UpdateAttempt(const v1::Attempt& attempt) override;
  absl::Status PutWorker(const v1::Worker& worker) override;
  absl::Status AppendEvent(v1::JobEvent& event) override;
  absl::Status AppendMetrics(int64_t job_id, const std::vector<MetricRow>& rows) override;
  absl::Status AppendLog(int64_t job_id, uint32_t attempt, uint64_t offset, absl::string_view bytes) override;
  absl::Status PutCheckpoint(const v1::Checkpoint& checkpoint) override;
  absl::Status DeleteCheckpoint(int64_t job_id, uint32_t attempt, absl::string_view name) override;
  absl::Status PutArtifact(const v1::Artifact& artifact) override;
  absl::Status PutStoredFile(absl::string_view sha256, uint64_t size) override;
  absl::StatusOr<std::vector<std::string>> TakeUnreferencedFiles(absl::Time time, int limit) override;
  absl::Status PutRequest(absl::string_view principal, absl::string_view request_id,
                          const RequestRow& row) override;
  absl::Status DeleteRequestsBefore(absl::Time time) override;
  absl::Status InsertToken(TokenRow& row) override;
  absl::Status UpdateToken(const v1::Token& token) override;

 private:
  absl::Status CheckDevicesFree(const v1::Attempt& attempt);
  absl::Status CheckAttemptExists(int64_t job_id, uint32_t number);
  absl::StatusOr<int64_t> MetricNameId(const std::string& name);

  Clock& clock_;
  absl::flat_hash_map<std::string, int64_t> metric_names_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_TRANSACTION_H_
