// Backups of a SqliteJobStore's database, and the ways back from them.
//
// A backup is an ordinary database file, "store-20270115T080000.000Z.db", that a coordinator could serve.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_BACKUP_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_BACKUP_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ecgtrain {

// Copies the database at `path`, which may be in use, into `folder` and checks the copy; then removes all but
// the newest `keep` backups there. The path of the new one. RESOURCE_EXHAUSTED disk full; DATA_LOSS the
// database, or the copy, is damaged.
absl::StatusOr<std::string> BackUpDatabase(const std::string& path, const std::string& folder, absl::Time now,
                                           size_t keep = 7);

// The backup in `folder` with the latest name; nothing when there is none.
std::optional<std::string> NewestBackup(const std::string& folder);

// Reads the whole file, with every index and reference. DATA_LOSS with the first finding; FAILED_PRECONDITION
// when it is in use, of another program or of a newer schema. Changes nothing.
absl::Status CheckDatabase(const std::string& path);

// Puts a copy of `backup` in the place of the database at `path`, which keeps its content under the name
// "<path>.replaced-<now>". Tokens and job ids go on far behind those of the backup, because some were given
// after it was made. Cut off in the middle, it is to be repeated: the store refuses to open until then.
// Errors as of CheckDatabase, for the backup and for the place.
absl::Status RestoreDatabase(const std::string& backup, const std::string& path, absl::Time now);

// Lets tokens and job ids of a database that nobody serves go on far behind those that it knows; tokens at
// least at the Unix time in milliseconds, which no number of leases a second can have passed.
absl::Status SkipGivenNumbers(const std::string& path, absl::Time now);

// FAILED_PRECONDITION when a restore of the database at `path` was cut off.
absl::Status CheckNoRestoreCutOff(const std::string& path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_BACKUP_H_
