#include "server/store/sqlite/salvage.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "server/store/sqlite/backup.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/database_file.h"

namespace ecgtrain {
namespace {

// Rows that refer to a lost one; a job without its specification is lost itself.
constexpr char kRemoveOrphans[] = R"sql(
DELETE FROM job WHERE id NOT IN (SELECT job FROM job_spec);
DELETE FROM job_spec WHERE job NOT IN (SELECT id FROM job);
DELETE FROM job_label WHERE job NOT IN (SELECT id FROM job);
DELETE FROM job_dependency WHERE job NOT IN (SELECT id FROM job);
DELETE FROM attempt WHERE job NOT IN (SELECT id FROM job);
DELETE FROM device_use WHERE token NOT IN (SELECT token FROM attempt);
DELETE FROM checkpoint WHERE job NOT IN (SELECT id FROM job);
DELETE FROM artifact WHERE job NOT IN (SELECT id FROM job);
DELETE FROM job_count;
INSERT INTO job_count SELECT state, user, COUNT(*) FROM job GROUP BY state, user;
)sql";

absl::StatusOr<std::vector<std::string>> Strings(Connection& connection, const std::string& sql) {
  ASSIGN_OR_RETURN(Statement query, connection.Prepare(sql));
  std::vector<std::string> strings;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return strings;
    strings.emplace_back(query.Bytes(0));
  }
}

// What orders the rows as they lie in the file: the key of a table WITHOUT ROWID, else the row's number.
absl::StatusOr<std::vector<std::string>> OrderOf(Connection& connection, const std::string& table) {
  if (connection.Prepare(absl::StrCat("SELECT rowid FROM ", table)).ok())
    return std::vector<std::string>{"rowid"};
  return Strings(connection,
                 absl::StrCat("SELECT name FROM pragma_table_info('", table, "') WHERE pk > 0 ORDER BY pk"));
}

// Copies rows until the end or the first that cannot be read; whether it came to the end.
absl::StatusOr<bool> CopyRows(Connection& source, Connection& target, const std::string& table,
                              const std::string& order, int64_t& copied) {
  absl::StatusOr<Statement> rows = source.Prepare(absl::StrCat("SELECT * FROM ", table, " ORDER BY ", order));
  if (!rows.ok()) return false;
  const int columns = rows->ColumnCount();
  // By name: an older schema has fewer.
  std::vector<absl::string_view> names;
  names.reserve(columns);
  for (int column = 0; column < columns; ++column) names.push_back(rows->ColumnName(column));
  ASSIGN_OR_RETURN(Statement insert,
                   target.Prepare(absl::StrCat(
                       "INSERT OR IGNORE INTO ", table, " (", absl::StrJoin(names, ", "), ") VALUES (",
                       absl::StrJoin(std::vector<std::string>(columns, "?"), ", "), ")")));
  while (true) {
    const absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return false;
    if (!*row) return true;
    insert.Reset();
    for (int column = 0; column < columns; ++column) insert.BindColumn(column + 1, *rows, column);
    // A row that does not fit the table is damage, too, and left out.
    const absl::Status inserted = insert.Step().status();
    if (absl::IsResourceExhausted(inserted)) return inserted;
    if (inserted.ok()) copied += target.ChangedRows();
  }
}

absl::Status CopyTables(Connection& source, Connection& target, SalvageResult& result) {
  ASSIGN_OR_RETURN(
      const std::vector<std::string> tables,
      Strings(target, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"));
  RETURN_IF_ERROR(target.RunScript("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE"));
  for (const std::string& table : tables) {
    ASSIGN_OR_RETURN(const std::vector<std::string> order, OrderOf(target, table));
    ASSIGN_OR_RETURN(const bool whole,
                     CopyRows(source, target, table, absl::StrJoin(order, ", "), result.rows));
    if (whole) continue;
    result.damaged_tables.push_back(table);
    ASSIGN_OR_RETURN(
        const bool from_the_end,
        CopyRows(source, target, table, absl::StrCat(absl::StrJoin(order, " DESC, "), " DESC"), result.rows));
    static_cast<void>(from_the_end);  // it meets the damage again, from the other side
  }
  return target.RunScript(absl::StrCat(kRemoveOrphans, "COMMIT"));
}

}  // namespace

absl::StatusOr<SalvageResult> SalvageDatabase(const std::string& path, const std::string& target,
                                              absl::Time now) {
  ASSIGN_OR_RETURN(const UniqueFd lock, LockDatabase(path));
  std::error_code error;  // what cannot be looked at cannot be opened either
  if (std::filesystem::exists(target, error))
    return absl::AlreadyExistsError(absl::StrCat(target, " exists"));
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> source,
                   Connection::Open({.path = path, .read_only = true}));
  RETURN_IF_ERROR(source->QueryInt("SELECT COUNT(*) FROM sqlite_schema").status());
  SalvageResult result;
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<Connection> salvaged, OpenDatabase({.path = target}, "", now));
    salvaged->CheckpointWhenClosed();
    RETURN_IF_ERROR(CopyTables(*source, *salvaged, result));
  }
  RETURN_IF_ERROR(SkipGivenNumbers(target, now));
  return result;
}

}  // namespace ecgtrain
