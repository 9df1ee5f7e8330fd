#include "common/free_space.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "common/durable_file.h"

namespace ecgtrain {

absl::StatusOr<FreeSpace::Room> FileSystemSpace::Measure() {
  struct statvfs info;
  if (statvfs(path_.c_str(), &info) != 0) return FileError(errno, "measure", path_);
  return Room{uint64_t{info.f_bavail} * info.f_frsize, uint64_t{info.f_blocks} * info.f_frsize};
}

}  // namespace ecgtrain
