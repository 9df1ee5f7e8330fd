#include "worker/agent/state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "worker/agent/child_process.h"
#include "worker/agent/cursor.h"

namespace ecgtrain {
namespace {

bool NeverStarted(const AttemptDirectory& directory) {
  std::error_code error;
  for (const char* name :
       {run_directory::kProcessFile, run_directory::kEventsFile, run_directory::kExitFile}) {
    if (std::filesystem::exists(directory.File(name), error)) return false;
  }
  return !FindProcessWithArgument(directory.path().string()).has_value();
}

}  // namespace

absl::StatusOr<UniqueFd> TakeStateFolder(const std::filesystem::path& folder) {
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  const std::filesystem::path path = folder / "lock";
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) return FileError(errno, "open", path);
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return FileError(errno, "lock", path);
  return absl::FailedPreconditionError(absl::StrCat("another ecg-worker uses ", folder.string(),
                                                    ": stop it or give this one its own --state-dir"));
}

bool IsFinished(const AttemptDirectory& directory) {
  return Cursor(directory.File(run_directory::kCursorFile)).Get().finished.has_value();
}

absl::StatusOr<std::vector<AttemptDirectory>> FindUnfinishedAttempts(const std::filesystem::path& attempts) {
  std::error_code error;
  std::vector<AttemptDirectory> unfinished;
  std::vector<std::filesystem::path> dropped;
  for (const auto& entry : std::filesystem::directory_iterator(attempts, error)) {
    const absl::StatusOr<AttemptDirectory> directory = AttemptDirectory::Open(entry.path());
    if (directory.ok() && IsFinished(*directory)) continue;
    if (absl::IsNotFound(directory.status()) || (directory.ok() && NeverStarted(*directory))) {
      dropped.push_back(entry.path());
    } else if (directory.ok()) {
      unfinished.push_back(*directory);
    } else {
      LogError("run directory is not understood", {{"error", directory.status().message()}});
    }
  }
  if (error) return FileError(error.value(), "list", attempts);
  for (const std::filesystem::path& path : dropped) {
    LogInfo("attempt that never started is dropped", {{"path", path.string()}});
    std::filesystem::remove_all(path, error);  // what stays is dropped at the next start
  }
  return unfinished;
}

uint64_t FreeBytes(const std::filesystem::path& folder) {
  struct statvfs info;
  return statvfs(folder.c_str(), &info) == 0 ? static_cast<uint64_t>(info.f_bavail) * info.f_frsize : 0;
}

}  // namespace ecgtrain
