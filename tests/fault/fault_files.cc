#include "tests/fault/fault_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

// The names that the linker gives to the functions behind the wrapped ones.
extern "C" {
int __real_open(const char* path, int flags, ...);
ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_fsync(int fd);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_mkdir(const char* path, mode_t mode);
int __real_ftruncate(int fd, off_t size);
}

namespace ecgtrain {
namespace {

std::atomic<FaultFiles*> current = nullptr;

std::string ParentOf(const std::string& path) { return std::filesystem::path(path).parent_path(); }

std::string PathOf(int fd) {
  char target[4096];
  const ssize_t size = readlink(absl::StrCat("/proc/self/fd/", fd).c_str(), target, sizeof target);
  return size < 0 ? "" : std::string(target, static_cast<size_t>(size));
}

std::string ContentOf(const std::string& path) {
  std::string content;
  const int fd = __real_open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char buffer[4096];
  for (ssize_t got = 0; fd >= 0 && (got = read(fd, buffer, sizeof buffer)) > 0;)
    content.append(buffer, static_cast<size_t>(got));
  if (fd >= 0) close(fd);
  return content;
}

// The watcher of `path`, if there is one.
FaultFiles* WatcherOf(const std::string& path) {
  FaultFiles* files = current.load();
  return files != nullptr && files->Covers(path) ? files : nullptr;
}

int Fail(int error) {
  errno = error;
  return -1;
}

}  // namespace

FaultFiles::FaultFiles(std::filesystem::path root) : root_(root.string() + "/") { current.store(this); }
FaultFiles::~FaultFiles() { current.store(nullptr); }

void FaultFiles::StopAt(int64_t n) {
  MutexLock lock(mutex_);
  stop_at_ = operations_ + n;
}

void FaultFiles::SetFull(bool full) {
  MutexLock lock(mutex_);
  full_ = full;
}

void FaultFiles::Disarm() {
  MutexLock lock(mutex_);
  stop_at_ = 0;
  full_ = false;
}

bool FaultFiles::stopped() {
  MutexLock lock(mutex_);
  return stop_at_ != 0 && operations_ >= stop_at_;
}

int64_t FaultFiles::operations() {
  MutexLock lock(mutex_);
  return operations_;
}

bool FaultFiles::Covers(const std::string& path) const {
  return absl::StartsWith(path, root_) || path + "/" == root_;
}

int FaultFiles::Begin(const std::string& /*path*/, bool writes) {
  MutexLock lock(mutex_);
  ++operations_;
  if (stop_at_ != 0 && operations_ >= stop_at_) return EIO;
  return full_ && writes ? ENOSPC : 0;
}

void FaultFiles::Wrote(const std::string& path, int64_t old_size) {
  MutexLock lock(mutex_);
  unsynced_.push_back({.kind = Kind::kWrite, .path = path, .size = old_size});
}

void FaultFiles::Created(const std::string& path) {
  MutexLock lock(mutex_);
  unsynced_.push_back({.kind = Kind::kCreate, .path = path});
}

void FaultFiles::MadeFolder(const std::string& path) {
  MutexLock lock(mutex_);
  unsynced_.push_back({.kind = Kind::kFolder, .path = path});
}

void FaultFiles::Renamed(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  unsynced_.push_back({.kind = Kind::kRename, .path = to, .from = from});
}

void FaultFiles::Removed(const std::string& path, std::string content) {
  MutexLock lock(mutex_);
  unsynced_.push_back({.kind = Kind::kRemove, .path = path, .content = std::move(content)});
}

// A file's bytes are safe with its own sync, its name with its folder's.
void FaultFiles::Synced(const std::string& path) {
  MutexLock lock(mutex_);
  std::erase_if(unsynced_, [&](const Undo& undo) {
    return undo.kind == Kind::kWrite ? undo.path == path : ParentOf(undo.path) == path;
  });
}

void FaultFiles::TakeBack(const Undo& undo) {
  switch (undo.kind) {
    case Kind::kWrite:
      static_cast<void>(truncate(undo.path.c_str(), undo.size));  // gone already: nothing to take back
      break;
    case Kind::kCreate:
      __real_unlink(undo.path.c_str());
      break;
    case Kind::kFolder: {
      std::error_code error;
      std::filesystem::remove_all(undo.path, error);
      break;
    }
    case Kind::kRename:
      __real_rename(undo.path.c_str(), undo.from.c_str());
      break;
    case Kind::kRemove: {
      const int fd = __real_open(undo.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
      if (fd < 0) break;  // its folder is gone as well
      static_cast<void>(__real_write(fd, undo.content.data(), undo.content.size()));
      close(fd);
      break;
    }
  }
}

void FaultFiles::LoseUnsynced() {
  MutexLock lock(mutex_);
  for (auto undo = unsynced_.rbegin(); undo != unsynced_.rend(); ++undo) TakeBack(*undo);
  unsynced_.clear();
}

}  // namespace ecgtrain

using ecgtrain::ContentOf;
using ecgtrain::Fail;
using ecgtrain::FaultFiles;
using ecgtrain::PathOf;
using ecgtrain::WatcherOf;

extern "C" {

int __wrap_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  FaultFiles* files = (flags & O_CREAT) != 0 && access(path, F_OK) != 0 ? WatcherOf(path) : nullptr;
  if (files == nullptr) return __real_open(path, flags, mode);
  if (const int error = files->Begin(path, /*writes=*/true); error != 0) return Fail(error);
  const int fd = __real_open(path, flags, mode);
  if (fd >= 0) files->Created(path);
  return fd;
}

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  const std::string path = ecgtrain::current.load() == nullptr ? "" : PathOf(fd);
  FaultFiles* files = WatcherOf(path);
  if (files == nullptr) return __real_write(fd, bytes, size);
  if (const int error = files->Begin(path, /*writes=*/true); error != 0) return Fail(error);
  struct stat info;
  if (fstat(fd, &info) != 0) return -1;
  files->Wrote(path, std::min<int64_t>(info.st_size, lseek(fd, 0, SEEK_CUR)));
  return __real_write(fd, bytes, size);
}

int __wrap_ftruncate(int fd, off_t size) {
  const std::string path = ecgtrain::current.load() == nullptr ? "" : PathOf(fd);
  FaultFiles* files = WatcherOf(path);
  if (files == nullptr) return __real_ftruncate(fd, size);
  if (const int error = files->Begin(path, /*writes=*/false); error != 0) return Fail(error);
  return __real_ftruncate(fd, size);
}

int __wrap_fsync(int fd) {
  const std::string path = ecgtrain::current.load() == nullptr ? "" : PathOf(fd);
  FaultFiles* files = WatcherOf(path);
  if (files == nullptr) return __real_fsync(fd);
  if (const int error = files->Begin(path, /*writes=*/false); error != 0) return Fail(error);
  // Nothing is synced for good in a test: what counts is what LoseUnsynced takes back.
  files->Synced(path);
  return 0;
}

int __wrap_rename(const char* from, const char* to) {
  FaultFiles* files = WatcherOf(to);
  if (files == nullptr) return __real_rename(from, to);
  if (const int error = files->Begin(to, /*writes=*/false); error != 0) return Fail(error);
  const int result = __real_rename(from, to);
  if (result == 0) files->Renamed(from, to);
  return result;
}

int __wrap_unlink(const char* path) {
  FaultFiles* files = access(path, F_OK) == 0 ? WatcherOf(path) : nullptr;
  if (files == nullptr) return __real_unlink(path);
  if (const int error = files->Begin(path, /*writes=*/false); error != 0) return Fail(error);
  std::string content = ContentOf(path);
  const int result = __real_unlink(path);
  if (result == 0) files->Removed(path, std::move(content));
  return result;
}

int __wrap_mkdir(const char* path, mode_t mode) {
  FaultFiles* files = access(path, F_OK) == 0 ? nullptr : WatcherOf(path);
  if (files == nullptr) return __real_mkdir(path, mode);
  if (const int error = files->Begin(path, /*writes=*/true); error != 0) return Fail(error);
  const int result = __real_mkdir(path, mode);
  if (result == 0) files->MadeFolder(path);
  return result;
}

}  // extern "C"
