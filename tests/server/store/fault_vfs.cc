#include "tests/server/store/fault_vfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "common/unique_fd.h"

namespace ecgtrain {
namespace {

// What SQLite allocates for a file: this, then the default layer's own.
struct FaultFile {
  sqlite3_file base;
  FaultVfs* vfs;
  std::string* path;  // owned
  sqlite3_file* Real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

FaultFile* Self(sqlite3_file* file) { return reinterpret_cast<FaultFile*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Self(file)->Real(); }
const sqlite3_io_methods* Methods(sqlite3_file* file) { return Real(file)->pMethods; }

int Close(sqlite3_file* file) {
  const int result = Methods(file)->xClose(Real(file));
  delete std::exchange(Self(file)->path, nullptr);
  return result;
}
int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  return Methods(file)->xRead(Real(file), bytes, size, offset);
}
int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  return Self(file)->vfs->Write(Real(file), *Self(file)->path, bytes, size, offset);
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  return Self(file)->vfs->Truncate(Real(file), *Self(file)->path, size);
}
int Sync(sqlite3_file* file, int flags) {
  return Self(file)->vfs->Sync(Real(file), *Self(file)->path, flags);
}
int FileSize(sqlite3_file* file, sqlite3_int64* size) { return Methods(file)->xFileSize(Real(file), size); }
int Lock(sqlite3_file* file, int level) { return Methods(file)->xLock(Real(file), level); }
int Unlock(sqlite3_file* file, int level) { return Methods(file)->xUnlock(Real(file), level); }
int CheckReservedLock(sqlite3_file* file, int* result) {
  return Methods(file)->xCheckReservedLock(Real(file), result);
}
int FileControl(sqlite3_file* file, int operation, void* argument) {
  return Methods(file)->xFileControl(Real(file), operation, argument);
}
int SectorSize(sqlite3_file* file) { return Methods(file)->xSectorSize(Real(file)); }
int DeviceCharacteristics(sqlite3_file* file) { return Methods(file)->xDeviceCharacteristics(Real(file)); }
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return Methods(file)->xShmMap(Real(file), page, size, extend, memory);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return Methods(file)->xShmLock(Real(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { Methods(file)->xShmBarrier(Real(file)); }
int ShmUnmap(sqlite3_file* file, int remove) { return Methods(file)->xShmUnmap(Real(file), remove); }

// Version 2: with shared memory for the write-ahead log, without memory-mapped pages, whose writes nobody
// would see.
constexpr sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = Close,
    .xRead = Read,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = FileSize,
    .xLock = Lock,
    .xUnlock = Unlock,
    .xCheckReservedLock = CheckReservedLock,
    .xFileControl = FileControl,
    .xSectorSize = SectorSize,
    .xDeviceCharacteristics = DeviceCharacteristics,
    .xShmMap = ShmMap,
    .xShmLock = ShmLock,
    .xShmBarrier = ShmBarrier,
    .xShmUnmap = ShmUnmap,
};

int OpenFile(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  auto* owner = static_cast<FaultVfs*>(vfs->pAppData);
  FaultFile* self = new (file) FaultFile{{nullptr}, owner, nullptr};
  const int result = owner->real()->xOpen(owner->real(), path, self->Real(), flags, out_flags);
  if (result != SQLITE_OK) return result;
  self->base.pMethods = &kMethods;
  self->path = new std::string(path == nullptr ? "" : path);
  return SQLITE_OK;
}

int64_t SizeOf(sqlite3_file* file) {
  sqlite3_int64 size = 0;
  file->pMethods->xFileSize(file, &size);
  return size;
}

}  // namespace

FaultVfs::FaultVfs(std::string name)
    : name_(std::move(name)), real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
  // All but xOpen is the default layer's, which finds its own data in the copy.
  vfs_.szOsFile = static_cast<int>(sizeof(FaultFile)) + real_->szOsFile;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.xOpen = OpenFile;
  vfs_.pAppData = this;
  sqlite3_vfs_register(&vfs_, /*makeDflt=*/0);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&vfs_); }

void FaultVfs::FailOperation(int64_t n, Fault fault) {
  MutexLock lock(mutex_);
  fail_at_ = operations_ + n;
  fault_ = fault;
}

void FaultVfs::FailNextSync() {
  MutexLock lock(mutex_);
  fail_sync_ = true;
}

void FaultVfs::LimitFileSize(int64_t bytes) {
  MutexLock lock(mutex_);
  size_limit_ = bytes;
}

void FaultVfs::Disarm() {
  MutexLock lock(mutex_);
  fail_at_ = 0;
  fail_sync_ = false;
  size_limit_ = std::numeric_limits<int64_t>::max();
}

int64_t FaultVfs::operations() {
  MutexLock lock(mutex_);
  return operations_;
}

int FaultVfs::NextOperation(bool is_write, bool& half) {
  half = false;
  ++operations_;
  if (fail_at_ == 0 || operations_ < fail_at_) return SQLITE_OK;
  const bool first = operations_ == fail_at_;
  switch (fault_) {
    case Fault::kIoError:
      return first ? SQLITE_IOERR : SQLITE_OK;
    case Fault::kNoSpace:
      return is_write ? SQLITE_FULL : SQLITE_OK;
    case Fault::kShortWrite:
      half = first && is_write;
      return first ? SQLITE_IOERR : SQLITE_OK;
    case Fault::kPowerCut:
      return SQLITE_IOERR;
  }
  return SQLITE_OK;
}

void FaultVfs::Remember(sqlite3_file* file, const std::string& path, int64_t offset, int64_t size) {
  const int64_t file_size = SizeOf(file);
  std::string old(std::clamp<int64_t>(file_size - offset, 0, size), '\0');
  if (!old.empty()) file->pMethods->xRead(file, old.data(), static_cast<int>(old.size()), offset);
  unsynced_[path].push_back({offset, std::move(old), file_size});
}

int FaultVfs::Write(sqlite3_file* file, const std::string& path, const void* bytes, int size,
                    int64_t offset) {
  MutexLock lock(mutex_);
  if (offset + size > size_limit_) return SQLITE_FULL;
  bool half = false;
  const int fault = NextOperation(/*is_write=*/true, half);
  if (fault != SQLITE_OK && !half) return fault == SQLITE_IOERR ? SQLITE_IOERR_WRITE : fault;
  Remember(file, path, offset, size);
  const int result = file->pMethods->xWrite(file, bytes, half ? size / 2 : size, offset);
  return half ? SQLITE_IOERR_WRITE : result;
}

int FaultVfs::Sync(sqlite3_file* file, const std::string& path, int flags) {
  MutexLock lock(mutex_);
  bool half = false;
  const int fault = NextOperation(/*is_write=*/false, half);
  if (fault != SQLITE_OK || std::exchange(fail_sync_, false)) return SQLITE_IOERR_FSYNC;
  // Nothing is synced for good in a test: what counts is what LoseUnsyncedWrites takes back.
  static_cast<void>(flags);
  static_cast<void>(file);
  unsynced_.erase(path);
  return SQLITE_OK;
}

int FaultVfs::Truncate(sqlite3_file* file, const std::string& path, int64_t size) {
  MutexLock lock(mutex_);
  bool half = false;
  if (NextOperation(/*is_write=*/false, half) != SQLITE_OK) return SQLITE_IOERR_TRUNCATE;
  Remember(file, path, size, std::max<int64_t>(SizeOf(file) - size, 0));
  return file->pMethods->xTruncate(file, size);
}

void FaultVfs::LoseUnsyncedWrites() {
  MutexLock lock(mutex_);
  for (auto& [path, undos] : unsynced_) {
    const UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd.valid()) continue;  // deleted meanwhile
    for (auto undo = undos.rbegin(); undo != undos.rend(); ++undo) {
      if (pwrite(fd.get(), undo->bytes.data(), undo->bytes.size(), undo->offset) < 0 ||
          ftruncate(fd.get(), undo->file_size) != 0) {
        break;  // the checks of the test find what is left
      }
    }
  }
  unsynced_.clear();
}

}  // namespace ecgtrain
