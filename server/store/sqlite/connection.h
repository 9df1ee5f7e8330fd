// One connection to a SQLite database and its statements, over the raw C API.
//
// Errors: RESOURCE_EXHAUSTED disk full; UNAVAILABLE busy or interrupted; DATA_LOSS corrupt or not a database;
// NOT_FOUND a row refers to one that does not exist; ALREADY_EXISTS a key is taken; INTERNAL everything else.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_CONNECTION_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_CONNECTION_H_

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/status_macros.h"

namespace ecgtrain {

// Bytes bound as a BLOB; a plain string_view is bound as TEXT.
struct Blob {
  absl::string_view bytes;
};

class Connection;

// A prepared statement, borrowed from its connection's cache until the end of the scope. Thread-compatible;
// must not outlive the connection.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Parameters count from 1. Bytes are copied.
  void Bind(int parameter, std::integral auto value) {
    sqlite3_bind_int64(handle_, parameter, static_cast<int64_t>(value));
  }
  void Bind(int parameter, double value) { sqlite3_bind_double(handle_, parameter, value); }
  void Bind(int parameter, absl::string_view text);
  void Bind(int parameter, Blob blob);
  // The value of a column of another statement's row, whatever its type.
  void BindColumn(int parameter, const Statement& row, int column) {
    sqlite3_bind_value(handle_, parameter, sqlite3_column_value(row.handle_, column));
  }

  // True: a row is there to be read.
  absl::StatusOr<bool> Step();
  // Ready to be bound and stepped again.
  void Reset();

  // Columns count from 0; views are good until the next Step.
  int64_t Int(int column) const { return sqlite3_column_int64(handle_, column); }
  double Double(int column) const { return sqlite3_column_double(handle_, column); }
  bool IsNull(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  absl::string_view Bytes(int column) const;
  absl::string_view ColumnName(int column) const { return sqlite3_column_name(handle_, column); }
  int ColumnCount() const { return sqlite3_column_count(handle_); }

 private:
  friend class Connection;
  Statement(Connection& connection, absl::string_view sql, sqlite3_stmt* handle)
      : connection_(connection), sql_(sql), handle_(handle) {}

  Connection& connection_;
  std::string sql_;
  sqlite3_stmt* handle_;
};

// Thread-compatible. Closing leaves the files as they are, write-ahead log included, unless
// CheckpointWhenClosed() was called: a database that is refused must stay untouched.
class Connection {
 public:
  struct Options {
    std::string path;
    bool read_only = false;
    std::string vfs;  // "": SQLite's default
  };
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Options& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  absl::StatusOr<Statement> Prepare(absl::string_view sql);

  // Prepares and binds; to be stepped.
  template <typename... Values>
  absl::StatusOr<Statement> Query(absl::string_view sql, const Values&... values) {
    ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
    int parameter = 0;
    (statement.Bind(++parameter, values), ...);
    return statement;
  }

  // Runs a statement whose rows nobody wants.
  template <typename... Values>
  absl::Status Run(absl::string_view sql, const Values&... values) {
    ASSIGN_OR_RETURN(Statement statement, Query(sql, values...));
    return statement.Step().status();
  }

  // The integer that `sql` answers in its first row; NOT_FOUND without a row.
  absl::StatusOr<int64_t> QueryInt(absl::string_view sql);

  // Several statements without parameters.
  absl::Status RunScript(const std::string& sql);

  int64_t LastInsertId() const { return sqlite3_last_insert_rowid(handle_); }
  int64_t ChangedRows() const { return sqlite3_changes64(handle_); }
  bool InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }
  // Whether the last error means that what was synced, or the file itself, cannot be believed any more.
  bool LastErrorIsFatal() const;
  absl::Status LastError() const;

  void CheckpointWhenClosed();
  sqlite3* handle() { return handle_; }
  const std::string& path() const { return path_; }

 private:
  friend class Statement;
  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  void Return(std::string sql, sqlite3_stmt* statement);

  sqlite3* handle_;
  std::string path_;
  // Statements not in use, by text. Several of one text exist while one is borrowed twice.
  std::map<std::string, std::vector<sqlite3_stmt*>, std::less<>> idle_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_CONNECTION_H_
