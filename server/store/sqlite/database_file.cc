#include "server/store/sqlite/database_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/durable_file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "server/store/sqlite/backup.h"
#include "server/store/sqlite/migrations.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kCheckWholeUpTo = 8 << 20;
// Small whatever the age of the service.
constexpr const char* kSmallTables[] = {"worker", "token", "device_use", "metric_name"};

uint64_t FileSize(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

// `check`: a PRAGMA that answers "ok" or one finding a row.
absl::Status Check(Connection& connection, const std::string& check) {
  ASSIGN_OR_RETURN(Statement findings, connection.Prepare(check));
  ASSIGN_OR_RETURN(const bool row, findings.Step());
  if (!row || findings.Bytes(0) == "ok") return absl::OkStatus();
  // SQLite's finding may be several lines, a message is one.
  return absl::DataLossError(absl::StrReplaceAll(findings.Bytes(0), {{"\n", " "}}));
}

absl::Status QuickCheckTable(Connection& connection, absl::string_view table) {
  return Check(connection, absl::StrCat("PRAGMA quick_check(", table, ")"));
}

absl::Status CheckSmallTables(Connection& connection) {
  for (const char* table : kSmallTables) RETURN_IF_ERROR(QuickCheckTable(connection, table));
  return absl::OkStatus();
}

// Whether the file is ours; its schema version, 0 for a new file.
absl::StatusOr<int> SchemaVersion(Connection& connection) {
  const int known = Migrations().back().version;
  ASSIGN_OR_RETURN(const int64_t application, connection.QueryInt("PRAGMA application_id"));
  ASSIGN_OR_RETURN(const int64_t version, connection.QueryInt("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const int64_t objects, connection.QueryInt("SELECT COUNT(*) FROM sqlite_schema"));
  if (objects == 0 && application == 0 && version == 0) return 0;
  if (application != kApplicationId) {
    return absl::FailedPreconditionError(absl::StrCat("database ", connection.path(),
                                                      " has the application id ", application,
                                                      ": it belongs to another program"));
  }
  if (version > known) {
    return absl::FailedPreconditionError(absl::StrCat(
        "database ", connection.path(), " has schema ", version, ", this program knows up to ", known,
        ": run the newer program that wrote it, or restore a backup from before the upgrade"));
  }
  return static_cast<int>(version);
}

absl::Status Apply(Connection& connection, const Migration& migration) {
  // One transaction with the version it leads to: a crash leaves the schema before or after it.
  const absl::Status status = connection.RunScript(
      absl::StrCat("BEGIN IMMEDIATE;", migration.sql, "PRAGMA application_id = ", kApplicationId,
                   ";PRAGMA user_version = ", migration.version, ";COMMIT;"));
  if (status.ok()) return status;
  if (connection.InTransaction()) {
    const absl::Status rollback = connection.RunScript("ROLLBACK");
    if (!rollback.ok()) LogWarning("rollback of a migration failed", {{"error", rollback.message()}});
  }
  return WithContext(status, absl::StrCat("migration ", migration.name));
}

absl::Status BackUpBeforeMigration(const std::string& path, const std::string& folder, int version,
                                   absl::Time now) {
  if (folder.empty() || version == 0 || version == Migrations().back().version) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string backup, BackUpDatabase(path, folder, now));
  LogInfo("backed up before a migration", {{"schema", version}, {"file", backup}});
  return absl::OkStatus();
}

absl::Status CheckAndMigrate(Connection& connection, const std::string& backup_folder, absl::Time now) {
  ASSIGN_OR_RETURN(const int version, SchemaVersion(connection));
  if (version > 0) {
    RETURN_IF_ERROR(CheckedAtOpen(connection.path()) ? Check(connection, "PRAGMA quick_check")
                                                     : CheckSmallTables(connection));
  }
  RETURN_IF_ERROR(BackUpBeforeMigration(connection.path(), backup_folder, version, now));
  RETURN_IF_ERROR(connection.RunScript("PRAGMA journal_mode = WAL"));
  for (const Migration& migration : Migrations()) {
    if (migration.version > version) RETURN_IF_ERROR(Apply(connection, migration));
  }
  return absl::OkStatus();
}

// What a killed process wrote to the log but did not sync is read as committed, and is in memory only: before
// anybody is told of it, it must survive a loss of power.
absl::Status SyncLog(Connection& connection) {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (log == nullptr || log->pMethods == nullptr) return absl::OkStatus();  // nothing was written yet
  if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cannot sync ", connection.path(), "-wal; see the disk's errors"));
}

}  // namespace

absl::StatusOr<UniqueFd> LockDatabase(const std::string& path) {
  const std::string lock_path = absl::StrCat(path, ".lock");
  UniqueFd fd(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return FileError(errno, "open", lock_path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return FileError(errno, "lock", lock_path);
  return absl::FailedPreconditionError(absl::StrCat("database ", path, " is in use by another coordinator (",
                                                    lock_path, "): stop that one first"));
}

absl::Status CheckNotCut(const std::string& path, const UniqueFd& lock) {
  if (FileSize(absl::StrCat(path, "-wal")) > 0 || FileSize(absl::StrCat(path, "-journal")) > 0)
    return absl::OkStatus();
  const uint64_t size = FileSize(path);
  struct stat made;
  if (size == 0 && fstat(lock.get(), &made) == 0 && made.st_size > 0)
    return absl::DataLossError(absl::StrCat("it is empty, and ", path, ".lock says that it was not"));
  // Bytes 16 and 17 of the header, https://www.sqlite.org/fileformat.html; 1 stands for 65536.
  unsigned char header[18] = {};
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (pread(file.get(), header, sizeof header, 0) != static_cast<ssize_t>(sizeof header))
    return absl::OkStatus();
  const uint64_t field = header[16] << 8 | header[17];
  const uint64_t page = field == 1 ? 65536 : field;
  if (page < 512 || size % page == 0) return absl::OkStatus();  // no page size: SQLite will say so
  return absl::DataLossError(absl::StrCat("its ", size, " bytes are no multiple of its pages of ", page));
}

absl::Status MarkMade(const std::string& path, const UniqueFd& lock) {
  constexpr absl::string_view kMade = "made\n";
  if (pwrite(lock.get(), kMade.data(), kMade.size(), 0) == static_cast<ssize_t>(kMade.size()) &&
      fsync(lock.get()) == 0) {
    return absl::OkStatus();
  }
  return FileError(errno, "write", absl::StrCat(path, ".lock"));
}

absl::Status ExplainDamage(const absl::Status& status, const std::string& path,
                           const std::string& backup_folder) {
  if (!absl::IsDataLoss(status)) return status;
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  const std::string backup = NewestBackup(backup_folder).value_or("BACKUP");
  return absl::DataLossError(absl::StrCat(
      "database ", path, " is damaged (", status.message(),
      ") and was left as it is; go on with a backup: ecg-coordinator restore ", backup, " --state-dir ",
      folder, "; or salvage what can be read: ecg-coordinator salvage NEW --state-dir ", folder,
      ", then ecg-coordinator check NEW and restore NEW"));
}

absl::StatusOr<std::unique_ptr<Connection>> OpenDatabase(const Connection::Options& options,
                                                         const std::string& backup_folder, absl::Time now) {
  // Made here, because SQLite would let everybody read it; the log takes over its mode.
  const UniqueFd file(open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return FileError(errno, "open", options.path);
  auto connection = Connection::Open(options);
  if (!connection.ok()) return ExplainDamage(connection.status(), options.path, backup_folder);
  RETURN_IF_ERROR(
      ExplainDamage(CheckAndMigrate(**connection, backup_folder, now), options.path, backup_folder));
  RETURN_IF_ERROR(SyncLog(**connection));
  return connection;
}

absl::Status CheckContent(Connection& connection, bool whole) {
  ASSIGN_OR_RETURN(const int version, SchemaVersion(connection));
  if (version == 0) return absl::FailedPreconditionError(absl::StrCat(connection.path(), " is empty"));
  if (!whole) return Check(connection, "PRAGMA quick_check");
  RETURN_IF_ERROR(Check(connection, "PRAGMA integrity_check"));
  ASSIGN_OR_RETURN(Statement references, connection.Prepare("PRAGMA foreign_key_check"));
  ASSIGN_OR_RETURN(const bool row, references.Step());
  if (!row) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(connection.path(), ": a row of ", references.Bytes(0),
                                          " refers to a ", references.Bytes(2), " that does not exist"));
}

uint64_t DatabaseBytes(const std::string& path) {
  return FileSize(path) + FileSize(absl::StrCat(path, "-wal"));
}

bool CheckedAtOpen(const std::string& path) { return DatabaseBytes(path) <= kCheckWholeUpTo; }

absl::Status CheckTables(Connection& connection, const std::function<bool()>& stopped) {
  std::vector<std::string> tables;
  {
    ASSIGN_OR_RETURN(Statement query,
                     connection.Prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND "
                                        "name NOT LIKE 'sqlite_%'"));
    while (true) {
      ASSIGN_OR_RETURN(const bool row, query.Step());
      if (!row) break;
      tables.emplace_back(query.Bytes(0));
    }
  }
  for (const std::string& table : tables) {
    if (stopped()) return absl::OkStatus();
    RETURN_IF_ERROR(QuickCheckTable(connection, table));
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
