// A file layer for SQLite that fails on command and forgets on command what was never synced.
#ifndef ECGTRAIN_TESTS_SERVER_STORE_FAULT_VFS_H_
#define ECGTRAIN_TESTS_SERVER_STORE_FAULT_VFS_H_

#include <sqlite3.h>

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "common/mutex.h"

namespace ecgtrain {

enum class Fault {
  kIoError,     // nothing is done
  kNoSpace,     // nothing is written, and nothing can be until disarmed
  kShortWrite,  // half of the bytes are written
  kPowerCut,    // nothing is done, now and until disarmed
};

// Passes everything on to SQLite's default layer and counts writes, syncs and truncations. Thread-safe.
class FaultVfs {
 public:
  // Registered with SQLite under this name while it lives.
  explicit FaultVfs(std::string name);
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const std::string& name() const { return name_; }

  // The `n`th operation from now on (from 1) fails so.
  void FailOperation(int64_t n, Fault fault) ABSL_LOCKS_EXCLUDED(mutex_);
  // The next sync fails with EIO.
  void FailNextSync() ABSL_LOCKS_EXCLUDED(mutex_);
  // Writes behind this many bytes of a file find the disk full.
  void LimitFileSize(int64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  void Disarm() ABSL_LOCKS_EXCLUDED(mutex_);
  int64_t operations() ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes back every write since the last sync of its file, as a loss of power may. All files must be closed.
  void LoseUnsyncedWrites() ABSL_LOCKS_EXCLUDED(mutex_);

  // For the file methods.
  int Write(sqlite3_file* file, const std::string& path, const void* bytes, int size, int64_t offset)
      ABSL_LOCKS_EXCLUDED(mutex_);
  int Sync(sqlite3_file* file, const std::string& path, int flags) ABSL_LOCKS_EXCLUDED(mutex_);
  int Truncate(sqlite3_file* file, const std::string& path, int64_t size) ABSL_LOCKS_EXCLUDED(mutex_);
  sqlite3_vfs* real() { return real_; }

 private:
  // How a range of a file looked before a write that was not synced.
  struct Undo {
    int64_t offset;
    std::string bytes;
    int64_t file_size;
  };

  // SQLITE_OK, or the result of the fault that strikes now.
  int NextOperation(bool is_write, bool& half) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remember(sqlite3_file* file, const std::string& path, int64_t offset, int64_t size)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string name_;
  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;

  Mutex mutex_;
  int64_t operations_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t fail_at_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: never
  Fault fault_ ABSL_GUARDED_BY(mutex_) = Fault::kIoError;
  bool fail_sync_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t size_limit_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<int64_t>::max();
  std::map<std::string, std::vector<Undo>> unsynced_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SERVER_STORE_FAULT_VFS_H_
