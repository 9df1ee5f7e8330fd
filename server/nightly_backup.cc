#include "server/nightly_backup.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/log.h"
#include "server/store/sqlite/backup.h"

namespace ecgtrain {

NightlyBackup::NightlyBackup(NightlyBackupOptions options, Clock& clock,
                             std::function<void(absl::Time)> succeeded)
    : options_(std::move(options)), clock_(clock), succeeded_(std::move(succeeded)) {
  if (const absl::Time newest = NewestTime(); newest != absl::InfinitePast()) succeeded_(newest);
  thread_ = std::thread([this] { Loop(); });
}

NightlyBackup::~NightlyBackup() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.NotifyAll();
  }
  thread_.join();
}

void NightlyBackup::Loop() {
  const absl::Duration age = std::max(clock_.Now() - NewestTime(), absl::ZeroDuration());
  absl::Duration next = clock_.Monotonic() + std::max(options_.every - age, options_.delay);
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!stopping_ && clock_.Monotonic() < next) clock_.WaitUntil(stop_, mutex_, next);
      if (stopping_) return;
    }
    next = clock_.Monotonic() + (Make().ok() ? options_.every : options_.delay);
  }
}

absl::StatusOr<std::string> NightlyBackup::Make() {
  MutexLock lock(making_);
  const absl::Time now = clock_.Now();
  absl::StatusOr<std::string> made = BackUpDatabase(options_.database, options_.folder, now);
  if (made.ok()) {
    LogInfo("backed up", {{"file", *made}});
    succeeded_(now);
  } else {
    LogError("backup failed", {{"error", made.status().message()}});
  }
  return made;
}

absl::Time NightlyBackup::NewestTime() const {
  const std::optional<std::string> newest = NewestBackup(options_.folder);
  struct stat file = {};
  if (!newest || stat(newest->c_str(), &file) != 0) return absl::InfinitePast();
  return absl::TimeFromTimespec(file.st_mtim);
}

}  // namespace ecgtrain
