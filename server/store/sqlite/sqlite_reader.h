// StoreReader as SQL on one connection inside its transaction. Bound to the thread of that transaction.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_READER_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_READER_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/store/job_store.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/queue_cache.h"

namespace ecgtrain {

class SqliteReader : public virtual StoreReader {
 public:
  // `cache` is for readers of committed rows: null in a transaction that writes.
  explicit SqliteReader(Connection& connection, QueueCache* cache = nullptr)
      : connection_(connection), cache_(cache) {}

  absl::StatusOr<v1::Job> GetJob(int64_t id) override;
  absl::StatusOr<std::vector<v1::Job>> ListJobs(const JobQuery& query) override;
  absl::StatusOr<std::vector<int64_t>> FindJobsByName(absl::string_view name) override;
  absl::StatusOr<std::optional<int64_t>> NewestJobOf(absl::string_view user) override;
  absl::StatusOr<v1::JobState> StateOfJob(int64_t id) override;
  absl::StatusOr<QueuedJobs> Queue(int limit) override;
  absl::StatusOr<std::vector<int64_t>> WaitingDependents(int64_t id) override;
  absl::StatusOr<std::map<v1::JobState, int64_t>> CountJobs() override;
  absl::StatusOr<int64_t> CountQueued(absl::string_view user) override;

  absl::StatusOr<v1::Attempt> GetAttempt(int64_t job_id, uint32_t number) override;
  absl::StatusOr<std::vector<v1::Attempt>> ListAttempts(int64_t job_id) override;
  absl::StatusOr<std::vector<v1::Attempt>> RecentAttempts(absl::string_view worker) override;
  absl::StatusOr<std::vector<v1::Attempt>> LiveAttempts(absl::string_view worker) override;
  absl::StatusOr<v1::Worker> GetWorker(absl::string_view name) override;
  absl::StatusOr<std::vector<v1::Worker>> ListWorkers() override;

  absl::StatusOr<std::vector<v1::JobEvent>> Events(int64_t job_id, int64_t after, int limit) override;
  absl::StatusOr<std::vector<MetricRow>> Metrics(const MetricQuery& query) override;
  absl::StatusOr<std::string> Log(int64_t job_id, uint32_t attempt, uint64_t offset, size_t limit) override;

  absl::StatusOr<std::vector<v1::Checkpoint>> Checkpoints(int64_t job_id) override;
  absl::StatusOr<std::vector<v1::Artifact>> Artifacts(int64_t job_id) override;
  absl::StatusOr<std::optional<uint64_t>> StoredFile(absl::string_view sha256) override;
  absl::StatusOr<bool> IsReferenced(absl::string_view sha256) override;

  absl::StatusOr<std::optional<RequestRow>> FindRequest(absl::string_view principal,
                                                        absl::string_view request_id) override;
  absl::StatusOr<TokenRow> FindToken(absl::string_view sha256) override;
  absl::StatusOr<std::vector<v1::Token>> ListTokens() override;

 protected:
  Connection& connection_;

 private:
  // Whether so few jobs are newer that they are best found by their time.
  absl::StatusOr<bool> FewSubmittedAfter(absl::Time time);

  QueueCache* const cache_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_READER_H_
