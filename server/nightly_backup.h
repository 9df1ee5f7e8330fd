// A copy of the database once a day, and whenever somebody asks for one, in backups/ of the state directory;
// the newest seven are kept.
#ifndef ECGTRAIN_SERVER_NIGHTLY_BACKUP_H_
#define ECGTRAIN_SERVER_NIGHTLY_BACKUP_H_

#include <functional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace ecgtrain {

struct NightlyBackupOptions {
  std::string database;
  std::string folder;
  absl::Duration every = absl::Hours(24);
  // After a start or a failure, so that neither begins with reading the whole file.
  absl::Duration delay = absl::Minutes(5);
};

// Thread-safe.
class NightlyBackup {
 public:
  // `succeeded` is told the time of the newest backup: the one that is there, and each that is made.
  NightlyBackup(NightlyBackupOptions options, Clock& clock, std::function<void(absl::Time)> succeeded);
  // Waits for a backup under way.
  ~NightlyBackup();

  // A backup now, after one that is under way: its path. Errors as of BackUpDatabase.
  absl::StatusOr<std::string> Make() ABSL_LOCKS_EXCLUDED(making_);

 private:
  void Loop();
  // When the newest backup was made; the infinite past without one.
  absl::Time NewestTime() const;

  const NightlyBackupOptions options_;
  Clock& clock_;
  const std::function<void(absl::Time)> succeeded_;
  Mutex making_;  // held while a backup is made
  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_NIGHTLY_BACKUP_H_
