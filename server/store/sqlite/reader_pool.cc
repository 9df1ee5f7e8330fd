#include "server/store/sqlite/reader_pool.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/status_macros.h"
#include "server/store/sqlite/sqlite_reader.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kReadLimit = absl::Seconds(2);
// Steps of SQLite's machine between two looks at the clock: about a millisecond.
constexpr int kStepsPerLook = 20'000;

struct Deadline {
  Clock& clock;
  absl::Duration at;
};

int IsPast(void* argument) {
  const Deadline& deadline = *static_cast<Deadline*>(argument);
  return deadline.clock.Monotonic() > deadline.at ? 1 : 0;
}

absl::Status ReadOnSnapshot(Connection& connection, QueueCache& cache,
                            absl::FunctionRef<absl::Status(StoreReader&)> work) {
  RETURN_IF_ERROR(connection.Run("BEGIN"));
  SqliteReader reader(connection, &cache);
  const absl::Status status = work(reader);
  // Nothing was written: the end of a read transaction cannot lose anything, but a failure leaves the
  // connection in a transaction and is told.
  const absl::Status end = connection.InTransaction() ? connection.Run("COMMIT") : absl::OkStatus();
  return status.ok() ? end : status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReaderPool>> ReaderPool::Open(const Connection::Options& options,
                                                             int connections, Clock& clock) {
  std::unique_ptr<ReaderPool> pool(new ReaderPool(clock));
  for (int i = 0; i < connections; ++i) {
    ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(options));
    pool->Return(std::move(connection));
  }
  return pool;
}

absl::Status ReaderPool::Read(absl::FunctionRef<absl::Status(StoreReader&)> work) {
  Deadline deadline{clock_, clock_.Monotonic() + kReadLimit};
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Borrow(deadline.at));
  sqlite3_progress_handler(connection->handle(), kStepsPerLook, IsPast, &deadline);
  absl::Status status = ReadOnSnapshot(*connection, cache_, work);
  sqlite3_progress_handler(connection->handle(), 0, nullptr, nullptr);
  Return(std::move(connection));
  return status;
}

absl::StatusOr<std::unique_ptr<Connection>> ReaderPool::Borrow(absl::Duration deadline) {
  MutexLock lock(mutex_);
  while (free_.empty()) {
    if (clock_.Monotonic() >= deadline)
      return absl::UnavailableError("all read connections were busy for two seconds; try again");
    clock_.WaitUntil(returned_, mutex_, deadline);
  }
  std::unique_ptr<Connection> connection = std::move(free_.back());
  free_.pop_back();
  return connection;
}

void ReaderPool::Return(std::unique_ptr<Connection> connection) {
  MutexLock lock(mutex_);
  free_.push_back(std::move(connection));
  returned_.NotifyOne();
}

}  // namespace ecgtrain
