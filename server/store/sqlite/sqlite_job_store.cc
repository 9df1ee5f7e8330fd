#include "server/store/sqlite/sqlite_job_store.h"

#include <utility>

#include "common/log.h"
#include "common/status_macros.h"
#include "server/store/sqlite/backup.h"
#include "server/store/sqlite/database_file.h"

namespace ecgtrain {

absl::StatusOr<std::unique_ptr<JobStore>> SqliteJobStore::Open(const SqliteOptions& options) {
  ASSIGN_OR_RETURN(UniqueFd lock, LockDatabase(options.path));
  RETURN_IF_ERROR(CheckNoRestoreCutOff(options.path));
  const bool checked = CheckedAtOpen(options.path);
  RETURN_IF_ERROR(ExplainDamage(CheckNotCut(options.path, lock), options.path, options.backup_folder));
  ASSIGN_OR_RETURN(
      std::unique_ptr<Connection> connection,
      OpenDatabase({.path = options.path, .vfs = options.vfs}, options.backup_folder, options.clock.Now()));
  RETURN_IF_ERROR(MarkMade(options.path, lock));
  const Connection::Options read_only{.path = options.path, .read_only = true, .vfs = options.vfs};
  std::unique_ptr<SqliteJobStore> store(new SqliteJobStore(options.path, std::move(lock)));
  ASSIGN_OR_RETURN(store->readers_, ReaderPool::Open(read_only, options.readers, options.clock));
  store->writer_ =
      std::make_unique<Writer>(std::move(connection), options.clock, options.observer, options.make_room);
  if (!checked) {
    ASSIGN_OR_RETURN(std::unique_ptr<Connection> check, Connection::Open(read_only));
    store->StartCheck(std::move(check), options.backup_folder);
  }
  return store;
}

void SqliteJobStore::StartCheck(std::unique_ptr<Connection> connection, std::string backup_folder) {
  check_connection_ = std::move(connection);
  check_ = std::thread([this, backup_folder = std::move(backup_folder)] {
    const absl::Status status = CheckTables(*check_connection_, [this] { return closing_.load(); });
    if (absl::IsDataLoss(status)) return writer_->Fail(ExplainDamage(status, path_, backup_folder));
    if (!status.ok() && !closing_)
      LogWarning("the check of the database did not finish", {{"error", status.message()}});
  });
}

SqliteJobStore::~SqliteJobStore() {
  closing_ = true;
  if (check_.joinable()) {
    sqlite3_interrupt(check_connection_->handle());
    check_.join();
  }
  // Readers close first, so that the writer, closing last, empties and removes the write-ahead log.
  check_connection_.reset();
  readers_.reset();
  writer_.reset();
}

void SqliteJobStore::Write(Work work, Done done) { writer_->Write(std::move(work), std::move(done)); }

absl::Status SqliteJobStore::Read(absl::FunctionRef<absl::Status(StoreReader&)> work) {
  return readers_->Read(work);
}

uint64_t SqliteJobStore::SizeBytes() { return DatabaseBytes(path_); }

}  // namespace ecgtrain
