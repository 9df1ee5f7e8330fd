#include "server/store/sqlite/connection.h"

#include <errno.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

bool IsDiskFull(int code, int system_error) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  // SQLite calls only ENOSPC of a write "full"; quotas, file size limits and the shared-memory index are I/O
  // errors to it.
  return (code & 0xff) == SQLITE_IOERR &&
         (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG);
}

absl::StatusCode CodeOf(int code, int system_error) {
  if (IsDiskFull(code, system_error)) return absl::StatusCode::kResourceExhausted;
  if (code == SQLITE_CONSTRAINT_FOREIGNKEY) return absl::StatusCode::kNotFound;
  if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
    return absl::StatusCode::kAlreadyExists;
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status StatusOf(sqlite3* handle, const std::string& path) {
  const int code = sqlite3_extended_errcode(handle);
  const absl::StatusCode status = CodeOf(code, sqlite3_system_errno(handle));
  return absl::Status(
      status, absl::StrCat("database ", path, ": ", sqlite3_errmsg(handle), " (SQLite code ", code, ")",
                           status == absl::StatusCode::kResourceExhausted ? "; free space and repeat" : ""));
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      sql_(std::move(other.sql_)),
      handle_(std::exchange(other.handle_, nullptr)) {}

Statement::~Statement() {
  if (handle_ != nullptr) connection_.Return(std::move(sql_), handle_);
}

void Statement::Bind(int parameter, absl::string_view text) {
  // A null pointer would bind NULL; an empty view may have one.
  sqlite3_bind_text64(handle_, parameter, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Statement::Bind(int parameter, Blob blob) {
  sqlite3_bind_blob64(handle_, parameter, blob.bytes.empty() ? "" : blob.bytes.data(), blob.bytes.size(),
                      SQLITE_TRANSIENT);
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_.LastError();
}

void Statement::Reset() { sqlite3_reset(handle_); }

absl::string_view Statement::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(handle_, column);
  return absl::string_view(static_cast<const char*>(bytes), sqlite3_column_bytes(handle_, column));
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const Options& options) {
  sqlite3* handle = nullptr;
  // NOMUTEX: a connection is used by one thread at a time.
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(options.path.c_str(), &handle, flags,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (handle == nullptr) return absl::ResourceExhaustedError("no memory for a database connection");
  std::unique_ptr<Connection> connection(new Connection(handle, options.path));
  if (code != SQLITE_OK) return connection->LastError();
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_busy_timeout(handle, 5000);
  RETURN_IF_ERROR(
      connection->RunScript("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"
                            "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864;"));
  return connection;
}

Connection::~Connection() {
  for (auto& [sql, statements] : idle_) {
    for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
  }
  sqlite3_close(handle_);
}

absl::StatusOr<Statement> Connection::Prepare(absl::string_view sql) {
  const auto found = idle_.find(sql);
  if (found != idle_.end() && !found->second.empty()) {
    sqlite3_stmt* statement = found->second.back();
    found->second.pop_back();
    return Statement(*this, sql, statement);
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK) {
    return LastError();
  }
  return Statement(*this, sql, statement);
}

void Connection::Return(std::string sql, sqlite3_stmt* statement) {
  // The result of the reset repeats the error that the step has already reported.
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  idle_[std::move(sql)].push_back(statement);
}

absl::StatusOr<int64_t> Connection::QueryInt(absl::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::NotFoundError(absl::StrCat("no row: ", sql));
  return statement.Int(0);
}

absl::Status Connection::RunScript(const std::string& sql) {
  return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus()
                                                                                    : LastError();
}

bool Connection::LastErrorIsFatal() const {
  const int code = sqlite3_extended_errcode(handle_);
  return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC || (code & 0xff) == SQLITE_CORRUPT ||
         (code & 0xff) == SQLITE_NOTADB;
}

absl::Status Connection::LastError() const { return StatusOf(handle_, path_); }

void Connection::CheckpointWhenClosed() {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

}  // namespace ecgtrain
