#include "server/store/sqlite/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/database_file.h"

namespace ecgtrain {
namespace {

// More than can have been given since any backup that somebody would restore.
constexpr int64_t kTokensSkipped = 1'000'000;
constexpr int64_t kJobIdsSkipped = 1'000;

std::string TimeName(absl::Time time) {
  return absl::FormatTime("%Y%m%dT%H%M%E3SZ", time, absl::UTCTimeZone());
}

std::string RestoreMark(const std::string& path) { return absl::StrCat(path, ".restoring"); }

// Names of the backups in a folder, oldest first; none when it cannot be listed.
std::vector<std::string> Backups(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, "store-") && absl::EndsWith(name, "Z.db")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status CheckIsFile(const std::string& path) {
  std::error_code error;  // the answer is no, then
  if (std::filesystem::is_regular_file(path, error)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("there is no database ", path));
}

absl::Status CheckFile(const std::string& path, bool whole) {
  const std::filesystem::file_status status = std::filesystem::status(path);
  if (!std::filesystem::is_regular_file(status))
    return absl::NotFoundError(absl::StrCat(path, " is not a file"));
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                   Connection::Open({.path = path, .read_only = true}));
  return CheckContent(*connection, whole);
}

// A consistent copy at `target`, for its owner only, on the disk when it returns. Replaces what a former try
// left.
absl::Status CopyDatabase(const std::string& path, const std::string& target) {
  unlink(target.c_str());
  // SQLite fills an empty file that is there, but would let everybody read one of its own.
  const UniqueFd fd(open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return FileError(errno, "create", target);
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                   Connection::Open({.path = path, .read_only = true}));
  RETURN_IF_ERROR(connection->Run("VACUUM INTO ?", absl::string_view(target)));
  return SyncPath(target);
}

absl::Status MoveAside(const std::string& from, const std::string& to) {
  const absl::Status status = RenameDurably(from, to);
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace

absl::StatusOr<std::string> BackUpDatabase(const std::string& path, const std::string& folder, absl::Time now,
                                           size_t keep) {
  RETURN_IF_ERROR(CheckIsFile(path));
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  const std::string target = absl::StrCat(folder, "/store-", TimeName(now), ".db");
  const std::string temporary = absl::StrCat(target, ".partial");
  absl::Cleanup remove = [&temporary] { unlink(temporary.c_str()); };
  RETURN_IF_ERROR(CopyDatabase(path, temporary));
  RETURN_IF_ERROR(CheckFile(temporary, /*whole=*/false));
  RETURN_IF_ERROR(RenameDurably(temporary, target));
  std::move(remove).Cancel();
  std::vector<std::string> backups = Backups(folder);
  for (size_t i = 0; i + keep < backups.size(); ++i) {
    const std::string old = absl::StrCat(folder, "/", backups[i]);
    if (unlink(old.c_str()) != 0)
      LogWarning("an old backup was not removed", {{"error", FileError(errno, "remove", old).message()}});
  }
  return target;
}

std::optional<std::string> NewestBackup(const std::string& folder) {
  const std::vector<std::string> backups = Backups(folder);
  if (backups.empty()) return std::nullopt;
  return absl::StrCat(folder, "/", backups.back());
}

absl::Status CheckDatabase(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd lock, LockDatabase(path));
  return WithContext(CheckFile(path, /*whole=*/true), path);
}

absl::Status RestoreDatabase(const std::string& backup, const std::string& path, absl::Time now) {
  ASSIGN_OR_RETURN(const UniqueFd lock, LockDatabase(path));
  RETURN_IF_ERROR(WithContext(CheckFile(backup, /*whole=*/true), "the backup is of no use"));
  const std::string temporary = absl::StrCat(path, ".restored");
  RETURN_IF_ERROR(CopyDatabase(backup, temporary));
  RETURN_IF_ERROR(SkipGivenNumbers(temporary, now));
  // The database and its log cannot be replaced in one step: the mark stays until both are.
  RETURN_IF_ERROR(WriteFileDurably(RestoreMark(path), backup));
  const std::string aside = absl::StrCat(path, ".replaced-", TimeName(now));
  RETURN_IF_ERROR(MoveAside(path, aside));
  RETURN_IF_ERROR(MoveAside(absl::StrCat(path, "-wal"), absl::StrCat(aside, "-wal")));
  RETURN_IF_ERROR(MoveAside(absl::StrCat(path, "-shm"), absl::StrCat(aside, "-shm")));
  RETURN_IF_ERROR(RenameDurably(temporary, path));
  if (unlink(RestoreMark(path).c_str()) != 0) return FileError(errno, "remove", RestoreMark(path));
  return SyncPath(std::filesystem::absolute(path).parent_path());
}

absl::Status SkipGivenNumbers(const std::string& path, absl::Time now) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open({.path = path}));
  connection->CheckpointWhenClosed();
  // A table that never had a row is not in sqlite_sequence.
  RETURN_IF_ERROR(connection->RunScript("BEGIN IMMEDIATE"));
  struct Skip {
    const char* table;
    int64_t by;
    int64_t at_least;
  };
  for (const auto& [table, by, at_least] :
       {Skip{"attempt", kTokensSkipped, absl::ToUnixMillis(now)}, Skip{"job", kJobIdsSkipped, 0}}) {
    RETURN_IF_ERROR(
        connection->Run("INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS (SELECT 1 "
                        "FROM sqlite_sequence WHERE "
                        "name = ?1)",
                        absl::string_view(table)));
    RETURN_IF_ERROR(connection->Run("UPDATE sqlite_sequence SET seq = MAX(seq + ?, ?) WHERE name = ?", by,
                                    at_least, absl::string_view(table)));
  }
  return connection->RunScript("COMMIT");
}

absl::Status CheckNoRestoreCutOff(const std::string& path) {
  if (access(RestoreMark(path).c_str(), F_OK) != 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the restore of database ", path, " was cut off (", RestoreMark(path), "): run it again"));
}

}  // namespace ecgtrain
