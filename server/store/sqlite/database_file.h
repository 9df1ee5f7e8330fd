// The database file of a SqliteJobStore: who may open it, whether it is sound, which schema it has.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_DATABASE_FILE_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_DATABASE_FILE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/unique_fd.h"
#include "server/store/sqlite/connection.h"

namespace ecgtrain {

// "ecgt", in the header of the file: `file` and the sqlite3 tool can tell whose it is.
inline constexpr int64_t kApplicationId = 0x65636774;

// Takes `<path>.lock`, held until the descriptor is closed, so that two coordinators never share a database.
// FAILED_PRECONDITION when another process has it. Works on local file systems, not on NFS.
absl::StatusOr<UniqueFd> LockDatabase(const std::string& path);

// DATA_LOSS for what SQLite takes for sound: an empty file where one was made (it would be a new database),
// and one cut within its last page (it would end in zeros). A log or journal with content completes a file
// that a killed process has left. `lock`: of LockDatabase.
absl::Status CheckNotCut(const std::string& path, const UniqueFd& lock);

// Remembers in the lock's file that a database was made at `path`, for CheckNotCut.
absl::Status MarkMade(const std::string& path, const UniqueFd& lock);

// Opens the write connection; makes the file where there is none, and brings its schema up to date.
// DATA_LOSS when the check finds damage: nothing was written then. FAILED_PRECONDITION when the file belongs
// to another program or has a newer schema than this one knows. A file of up to 8 MiB is checked whole; of a
// larger one, the small tables (CheckTables does the rest).
// `backup_folder`: where a backup is made before an older schema is changed, and where to look for the one
// that a refusal names; may be "".
absl::StatusOr<std::unique_ptr<Connection>> OpenDatabase(const Connection::Options& options,
                                                         const std::string& backup_folder, absl::Time now);

// A DATA_LOSS status with file, finding and the two ways on, which are a backup (the newest in
// `backup_folder`, where there is one) or salvage; any other status as it is.
absl::Status ExplainDamage(const absl::Status& status, const std::string& path,
                           const std::string& backup_folder);

// Whether the file is ours, of a schema that this program knows, and sound; with indexes and references when
// `whole`. DATA_LOSS with the finding, FAILED_PRECONDITION as of OpenDatabase. Reads only.
absl::Status CheckContent(Connection& connection, bool whole);

// Checks one table after the other, so that no read transaction is long; stops between two when `stopped`.
// DATA_LOSS with the finding.
absl::Status CheckTables(Connection& connection, const std::function<bool()>& stopped);

// Whether OpenDatabase has checked everything.
bool CheckedAtOpen(const std::string& path);

// Of the file and its write-ahead log; 0 where there is neither.
uint64_t DatabaseBytes(const std::string& path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_DATABASE_FILE_H_
