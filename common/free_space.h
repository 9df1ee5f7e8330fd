// Room left on a file system.
#ifndef ECGTRAIN_COMMON_FREE_SPACE_H_
#define ECGTRAIN_COMMON_FREE_SPACE_H_

#include <cstdint>
#include <filesystem>

#include "absl/status/statusor.h"

namespace ecgtrain {

// Thread-safe.
class FreeSpace {
 public:
  struct Room {
    uint64_t free = 0;  // bytes that we could write
    uint64_t size = 0;  // bytes of the whole file system
  };
  virtual ~FreeSpace() = default;
  // Errors as in durable_file.h.
  virtual absl::StatusOr<Room> Measure() = 0;
};

// Of the file system that holds `path`.
class FileSystemSpace final : public FreeSpace {
 public:
  explicit FileSystemSpace(std::filesystem::path path) : path_(std::move(path)) {}
  absl::StatusOr<Room> Measure() override;

 private:
  const std::filesystem::path path_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_FREE_SPACE_H_
