#include "server/store/sqlite/writer.h"

#include <utility>

#include "common/log.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr size_t kQueueLimit = 4096;
constexpr size_t kGroupLimit = 256;
constexpr absl::Duration kGroupTime = absl::Milliseconds(5);
constexpr absl::Duration kIdleTime = absl::Seconds(1);

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, Clock& clock, StoreObserver* observer,
               std::function<bool()> make_room)
    : connection_(std::move(connection)),
      clock_(clock),
      observer_(observer),
      make_room_(std::move(make_room)),
      transaction_(*connection_, clock),
      thread_([this] { Loop(); }) {}

Writer::~Writer() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
  if (Failure().ok()) connection_->CheckpointWhenClosed();
}

void Writer::Write(JobStore::Work work, JobStore::Done done) {
  absl::Status refusal;
  {
    MutexLock lock(mutex_);
    if (ending_) {
      refusal = absl::UnavailableError("the store is closing");
    } else if (queue_.size() >= kQueueLimit) {
      refusal = absl::ResourceExhaustedError(
          absl::StrCat(kQueueLimit, " writes wait for the database; try again later"));
    } else {
      queue_.push_back({std::move(work), std::move(done), absl::OkStatus()});
      changed_.NotifyOne();
      return;
    }
  }
  done(refusal);
}

void Writer::Fail(const absl::Status& reason) {
  {
    MutexLock lock(mutex_);
    if (!failure_.ok()) return;
    failure_ = absl::UnavailableError(absl::StrCat(
        "the database takes no more writes until the coordinator is started again: ", reason.message()));
  }
  LogError("the database cannot be believed any more", {{"error", reason.message()}});
  if (observer_ != nullptr) observer_->OnFatal(reason);
}

void Writer::Loop() {
  while (true) {
    std::vector<Item> items = Take();
    if (items.empty()) return;
    absl::Span<Item> rest = absl::MakeSpan(items);
    while (!rest.empty()) rest.remove_prefix(RunGroup(rest));
  }
}

std::vector<Writer::Item> Writer::Take() {
  const absl::Duration idle_at = clock_.Monotonic() + kIdleTime;
  while (true) {
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !ending_ && !(log_is_dirty_ && clock_.Monotonic() >= idle_at)) {
        if (log_is_dirty_) {
          clock_.WaitUntil(changed_, mutex_, idle_at);
        } else {
          changed_.Wait(mutex_);
        }
      }
      if (!queue_.empty() || ending_) {
        std::vector<Item> items;
        while (!queue_.empty() && items.size() < kGroupLimit) {
          items.push_back(std::move(queue_.front()));
          queue_.pop_front();
        }
        return items;
      }
    }
    CheckpointWhenIdle();
  }
}

size_t Writer::RunGroup(absl::Span<Item> items) {
  CommitStatistics statistics;
  const Outcome outcome = RunTransaction(items, statistics);
  const absl::Span<Item> group = items.first(outcome.works);
  const bool full = absl::IsResourceExhausted(outcome.status);
  const bool more_room = full && make_room_ && make_room_();
  if (full && (more_room || group.size() > 1)) {
    for (Item& item : group) {
      const absl::Status alone = RunTransaction(absl::MakeSpan(&item, 1), statistics).status;
      if (!alone.ok()) item.status = alone;
    }
  } else if (!outcome.status.ok()) {
    for (Item& item : group) item.status = outcome.status;
  }
  if (observer_ != nullptr) {
    statistics.transactions = group.size();
    statistics.queue_depth = QueueDepth();
    statistics.status = outcome.status;
    observer_->OnCommit(statistics);
  }
  for (Item& item : group) item.done(std::move(item.status));
  return group.size();
}

Writer::Outcome Writer::RunTransaction(absl::Span<Item> items, CommitStatistics& statistics) {
  const absl::Status failure = Failure();
  if (!failure.ok()) return {items.size(), failure};
  const absl::Duration start = clock_.Monotonic();
  const absl::Status begin = connection_->Run("BEGIN IMMEDIATE");
  if (!begin.ok()) return {items.size(), RollBack(begin)};
  size_t works = 0;
  do {
    const absl::Status status = RunInSavepoint(items[works++]);
    if (!status.ok()) return {works, RollBack(status)};
  } while (works < items.size() && clock_.Monotonic() - start < kGroupTime);
  const absl::Duration committing = clock_.Monotonic();
  const absl::Status commit = connection_->Run("COMMIT");
  log_is_dirty_ = true;
  statistics.work += committing - start;
  statistics.commit += clock_.Monotonic() - committing;
  if (!commit.ok()) return {works, RollBack(commit)};
  return {works, absl::OkStatus()};
}

absl::Status Writer::RunInSavepoint(Item& item) {
  RETURN_IF_ERROR(connection_->Run("SAVEPOINT work"));
  item.status = item.work(transaction_);
  const bool fatal = !item.status.ok() && connection_->LastErrorIsFatal();
  // A full disk or a failed write makes SQLite roll back everything by itself.
  if (!connection_->InTransaction() || fatal) {
    return item.status.ok() ? absl::InternalError("the transaction was rolled back unseen") : item.status;
  }
  if (item.status.ok()) return connection_->Run("RELEASE work");
  transaction_.ForgetCachedNames();
  RETURN_IF_ERROR(connection_->Run("ROLLBACK TO work"));
  return connection_->Run("RELEASE work");
}

absl::Status Writer::RollBack(const absl::Status& reason) {
  // Before the rollback: it replaces the last error.
  const bool fatal = connection_->LastErrorIsFatal();
  if (connection_->InTransaction()) {
    const absl::Status status = connection_->Run("ROLLBACK");
    if (!status.ok()) LogWarning("rollback failed", {{"error", status.message()}});
  }
  transaction_.ForgetCachedNames();
  if (fatal) Fail(reason);
  LogWarning("a group of transactions was not committed", {{"error", reason.message()}});
  if (absl::IsResourceExhausted(reason)) return reason;
  return absl::UnavailableError(
      absl::StrCat("nothing was written, the same request may be repeated: ", reason.message()));
}

void Writer::CheckpointWhenIdle() {
  log_is_dirty_ = false;
  // Busy readers leave some of the log where it is; the next idle time finishes it.
  const absl::Status status = connection_->Run("PRAGMA wal_checkpoint(TRUNCATE)");
  if (status.ok()) return;
  if (connection_->LastErrorIsFatal()) return Fail(status);
  LogWarning("the write-ahead log was not emptied", {{"error", status.message()}});
}

absl::Status Writer::Failure() {
  MutexLock lock(mutex_);
  return failure_;
}

size_t Writer::QueueDepth() {
  MutexLock lock(mutex_);
  return queue_.size();
}

}  // namespace ecgtrain
