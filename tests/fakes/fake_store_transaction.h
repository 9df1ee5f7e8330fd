// The rows of FakeJobStore and what can be done with them.
#ifndef ECGTRAIN_TESTS_FAKES_FAKE_STORE_TRANSACTION_H_
#define ECGTRAIN_TESTS_FAKES_FAKE_STORE_TRANSACTION_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/store/job_store.h"

namespace ecgtrain {

struct FakeJobStoreState {
  struct Request {
    RequestRow row;
    absl::Time made;
  };
  struct File {
    uint64_t size = 0;
    absl::Time stored;
  };
  using AttemptKey = std::pair<int64_t, uint32_t>;  // job, number

  std::map<int64_t, v1::Job> jobs;
  std::map<AttemptKey, v1::Attempt> attempts;
  std::map<std::string, v1::Worker> workers;
  std::vector<v1::JobEvent> events;
  // job, attempt, seq, name
  std::map<std::tuple<int64_t, uint32_t, uint64_t, std::string>, MetricRow> metrics;
  std::map<AttemptKey, std::string> logs;
  std::map<std::tuple<int64_t, uint32_t, std::string>, v1::Checkpoint> checkpoints;
  std::map<std::tuple<int64_t, uint32_t, std::string>, v1::Artifact> artifacts;
  std::map<std::string, File> files;
  std::map<std::pair<std::string, std::string>, Request> requests;
  std::vector<TokenRow> tokens;
  int64_t last_attempt_token = 0;
};

// Bound to one thread.
class FakeStoreTransaction final : public StoreTransaction {
 public:
  FakeStoreTransaction(FakeJobStoreState& state, absl::Time now) : state_(state), now_(now) {}

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
  absl::Status CheckJobExists(int64_t id) const;
  absl::Status CheckDevicesFree(const v1::Attempt& attempt) const;

  FakeJobStoreState& state_;
  absl::Time now_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FAKES_FAKE_STORE_TRANSACTION_H_
