// The file operations of this program under one folder: counted, stopped on command as if the process had
// died there, and taken back on command as far as they were never synced.
//
// The linker leads open, write, fsync, rename, unlink, mkdir and ftruncate of our own code here (--wrap, see
// CMakeLists.txt); SQLite has FaultVfs instead. Operations on other folders, and all while no FaultFiles
// lives, pass untouched.
#ifndef ECGTRAIN_TESTS_FAULT_FAULT_FILES_H_
#define ECGTRAIN_TESTS_FAULT_FAULT_FILES_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/mutex.h"

namespace ecgtrain {

// Thread-safe. One at a time.
class FaultFiles {
 public:
  // The folder `root` is there and stays.
  explicit FaultFiles(std::filesystem::path root);
  ~FaultFiles();
  FaultFiles(const FaultFiles&) = delete;
  FaultFiles& operator=(const FaultFiles&) = delete;

  // The `n`th changing operation from now on (from 1) and all behind it do nothing and fail with EIO.
  void StopAt(int64_t n) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nothing can be written: ENOSPC.
  void SetFull(bool full) ABSL_LOCKS_EXCLUDED(mutex_);
  // Operations work again.
  void Disarm() ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether StopAt's operation was reached.
  bool stopped() ABSL_LOCKS_EXCLUDED(mutex_);
  int64_t operations() ABSL_LOCKS_EXCLUDED(mutex_);

  // As a loss of power may: bytes of files that were not synced, and names in folders that were not, are as
  // before.
  void LoseUnsynced() ABSL_LOCKS_EXCLUDED(mutex_);

  // For the wrapped functions. 0, or the errno of the fault that strikes now.
  int Begin(const std::string& path, bool writes) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Covers(const std::string& path) const;
  void Wrote(const std::string& path, int64_t old_size) ABSL_LOCKS_EXCLUDED(mutex_);
  void Created(const std::string& path) ABSL_LOCKS_EXCLUDED(mutex_);
  void MadeFolder(const std::string& path) ABSL_LOCKS_EXCLUDED(mutex_);
  void Renamed(const std::string& from, const std::string& to) ABSL_LOCKS_EXCLUDED(mutex_);
  void Removed(const std::string& path, std::string content) ABSL_LOCKS_EXCLUDED(mutex_);
  void Synced(const std::string& path) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class Kind { kWrite, kCreate, kFolder, kRename, kRemove };
  // How to take back what is not synced.
  struct Undo {
    Kind kind;
    std::string path;     // now
    std::string from;     // of a rename
    int64_t size = 0;     // of a write: before it
    std::string content;  // of a removed file
  };
  void TakeBack(const Undo& undo);

  const std::string root_;
  Mutex mutex_;
  int64_t operations_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t stop_at_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: never
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Undo> unsynced_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FAULT_FAULT_FILES_H_
