// JobStore: everything the coordinator knows, as rows. The database is the truth; nobody keeps a second copy
// that could disagree.
//
// A mutation is a function run inside one transaction: read, decide, write rows and events. Transactions that
// wait at the same time share one commit, hence one fsync; each is atomic by itself. Rows are the API's own
// messages, with the columns that queries need beside them.
//
// Implementations: SqliteJobStore (sqlite/), one file. tests/contract/job_store_contract.h is the suite that
// every implementation passes.
#ifndef ECGTRAIN_SERVER_STORE_JOB_STORE_H_
#define ECGTRAIN_SERVER_STORE_JOB_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ecgtrain/v1/admin_service.pb.h"
#include "ecgtrain/v1/job.pb.h"
#include "ecgtrain/v1/training_service.pb.h"
#include "server/store/queued_job.h"

namespace ecgtrain {

struct JobQuery {
  std::vector<v1::JobState> states;  // empty: all
  std::string user;                  // empty: all
  std::map<std::string, std::string> labels;
  std::optional<absl::Time> submitted_after;
  int64_t below_id = 0;  // jobs with a smaller id only; 0: no bound
  int limit = 100;
};

struct MetricQuery {
  int64_t job_id = 0;
  v1::MetricCursor after;  // rows behind it, in order of (attempt, seq)
  // Rows of one (attempt, seq) are never parted, so that the cursor is exact: up to one event's rows more.
  int limit = 1000;
};
struct MetricRow {
  uint64_t seq = 0;  // of the trainer's event
  v1::MetricPoint point;
};

// A mutation already answered: the digest of its content and the answer, serialized.
struct RequestRow {
  std::string content;  // canonical serialization of the request, to name the fields that differ
  std::string answer;
};

struct TokenRow {
  v1::Token token;
  std::string sha256;  // of the secret
};

// Reads of one consistent snapshot. Bound to the thread of its transaction.
//
// Errors of every method: NOT_FOUND where one named row is asked for and absent; UNAVAILABLE when the
// database is busy for over two seconds; DATA_LOSS when it is corrupt; INTERNAL otherwise.
class StoreReader {
 public:
  virtual ~StoreReader() = default;

  virtual absl::StatusOr<v1::Job> GetJob(int64_t id) = 0;
  // Newest first, without specifications.
  virtual absl::StatusOr<std::vector<v1::Job>> ListJobs(const JobQuery& query) = 0;
  // Ids of all jobs of this name, newest first (at most 10).
  virtual absl::StatusOr<std::vector<int64_t>> FindJobsByName(absl::string_view name) = 0;
  virtual absl::StatusOr<std::optional<int64_t>> NewestJobOf(absl::string_view user) = 0;
  virtual absl::StatusOr<v1::JobState> StateOfJob(int64_t id) = 0;
  // QUEUED jobs in order (priority high to low, id): what a scheduler plans.
  virtual absl::StatusOr<QueuedJobs> Queue(int limit) = 0;
  // Jobs not ended that depend on `id`.
  virtual absl::StatusOr<std::vector<int64_t>> WaitingDependents(int64_t id) = 0;
  // Number of jobs by state.
  virtual absl::StatusOr<std::map<v1::JobState, int64_t>> CountJobs() = 0;
  // Number of QUEUED jobs of one user, or of all with "".
  virtual absl::StatusOr<int64_t> CountQueued(absl::string_view user) = 0;

  virtual absl::StatusOr<v1::Attempt> GetAttempt(int64_t job_id, uint32_t number) = 0;
  virtual absl::StatusOr<std::vector<v1::Attempt>> ListAttempts(int64_t job_id) = 0;
  // Attempts not ENDED; of one worker, or of all with "".
  virtual absl::StatusOr<std::vector<v1::Attempt>> LiveAttempts(absl::string_view worker) = 0;
  // ENDED attempts of the worker among the newest 1,000 attempts of all, newest first.
  virtual absl::StatusOr<std::vector<v1::Attempt>> RecentAttempts(absl::string_view worker) = 0;

  virtual absl::StatusOr<v1::Worker> GetWorker(absl::string_view name) = 0;
  virtual absl::StatusOr<std::vector<v1::Worker>> ListWorkers() = 0;

  // Events of a job (0: of all jobs) with seq > after, in order.
  virtual absl::StatusOr<std::vector<v1::JobEvent>> Events(int64_t job_id, int64_t after, int limit) = 0;
  virtual absl::StatusOr<std::vector<MetricRow>> Metrics(const MetricQuery& query) = 0;
  // Bytes of the log from `offset` on, at most `limit`; empty at or past the end.
  virtual absl::StatusOr<std::string> Log(int64_t job_id, uint32_t attempt, uint64_t offset,
                                          size_t limit) = 0;

  virtual absl::StatusOr<std::vector<v1::Checkpoint>> Checkpoints(int64_t job_id) = 0;  // by step, rising
  virtual absl::StatusOr<std::vector<v1::Artifact>> Artifacts(int64_t job_id) = 0;
  // Whether the file of this digest is verified in the artifact store, and its size.
  virtual absl::StatusOr<std::optional<uint64_t>> StoredFile(absl::string_view sha256) = 0;
  // Whether a checkpoint or artifact row refers to the digest.
  virtual absl::StatusOr<bool> IsReferenced(absl::string_view sha256) = 0;

  virtual absl::StatusOr<std::optional<RequestRow>> FindRequest(absl::string_view principal,
                                                                absl::string_view request_id) = 0;
  virtual absl::StatusOr<TokenRow> FindToken(absl::string_view sha256) = 0;
  virtual absl::StatusOr<std::vector<v1::Token>> ListTokens() = 0;
};

// Reads and writes of one transaction. Bound to the writer thread.
//
// Errors as for StoreReader, and RESOURCE_EXHAUSTED for a full disk. An error returned by the work rolls back
// this transaction alone.
class StoreTransaction : public virtual StoreReader {
 public:
  // Assigns the id (rising, never reused).
  virtual absl::Status InsertJob(v1::Job& job) = 0;
  // Everything but the specification, labels and dependencies, which never change.
  virtual absl::Status UpdateJob(const v1::Job& job) = 0;

  // Assigns the token from the one global sequence. `number` is the caller's. NOT_FOUND without the job;
  // FAILED_PRECONDITION when one of its devices on this worker is in another live attempt, or the job has a
  // live attempt; ALREADY_EXISTS for a number in use.
  virtual absl::Status InsertAttempt(v1::Attempt& attempt) = 0;
  // Of the row with this job, number and token: everything but worker and devices, which never change.
  // FAILED_PRECONDITION when an ENDED attempt would become live again.
  virtual absl::Status UpdateAttempt(const v1::Attempt& attempt) = 0;

  virtual absl::Status PutWorker(const v1::Worker& worker) = 0;

  // Assigns seq.
  virtual absl::Status AppendEvent(v1::JobEvent& event) = 0;
  // Points that exist already (same job, attempt, seq, name) are left as they are. NOT_FOUND without the
  // attempt.
  virtual absl::Status AppendMetrics(int64_t job_id, const std::vector<MetricRow>& rows) = 0;
  // `offset` must be the end of what is there: OUT_OF_RANGE otherwise. NOT_FOUND without the attempt.
  virtual absl::Status AppendLog(int64_t job_id, uint32_t attempt, uint64_t offset,
                                 absl::string_view bytes) = 0;

  // Inserts or replaces. NOT_FOUND without the job; the same for PutArtifact.
  virtual absl::Status PutCheckpoint(const v1::Checkpoint& checkpoint) = 0;
  virtual absl::Status DeleteCheckpoint(int64_t job_id, uint32_t attempt, absl::string_view name) = 0;
  virtual absl::Status PutArtifact(const v1::Artifact& artifact) = 0;
  // The file of this digest is verified in the artifact store.
  virtual absl::Status PutStoredFile(absl::string_view sha256, uint64_t size) = 0;
  // Digests of files stored before `time` that no row refers to; their rows are deleted. Putting a stored
  // file again renews its time, so that an upload in progress is spared.
  virtual absl::StatusOr<std::vector<std::string>> TakeUnreferencedFiles(absl::Time time, int limit) = 0;

  // ALREADY_EXISTS for a request that is there.
  virtual absl::Status PutRequest(absl::string_view principal, absl::string_view request_id,
                                  const RequestRow& row) = 0;
  // Forgets requests made before `time`.
  virtual absl::Status DeleteRequestsBefore(absl::Time time) = 0;

  // Assigns the id.
  virtual absl::Status InsertToken(TokenRow& row) = 0;
  virtual absl::Status UpdateToken(const v1::Token& token) = 0;
};

// Thread-safe.
class JobStore {
 public:
  using Work = absl::AnyInvocable<absl::Status(StoreTransaction&)>;
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // Ends after all accepted work is committed and its `done` called.
  virtual ~JobStore() = default;

  // Runs `work` on the writer thread, then calls `done` there: with the work's own error, or, once the commit
  // is on the disk, OK. UNAVAILABLE when the commit failed (a repeat is safe), RESOURCE_EXHAUSTED when the
  // queue (4,096; `done` then runs on the calling thread) or the disk is full. `done` must not block. `work`
  // may run again after a failed commit of the group: it must not have effects of its own.
  virtual void Write(Work work, Done done) = 0;

  // The same, waiting. Not to be called on the writer thread.
  absl::Status WriteAndWait(absl::FunctionRef<absl::Status(StoreTransaction&)> work);

  // Runs `work` on a snapshot, on the calling thread.
  virtual absl::Status Read(absl::FunctionRef<absl::Status(StoreReader&)> work) = 0;

  // Bytes of the database, for metrics.
  virtual uint64_t SizeBytes() = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_JOB_STORE_H_
