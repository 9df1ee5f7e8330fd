// What the coordinator gives up when its disk fills, so that what counts goes on: first log bytes stay with
// the worker, then metric points are not kept, then new jobs are refused (and uploads, by the artifact store,
// at the same limit). Never given up: transitions, events, cancels, heartbeats. For them room is held in a
// file of its own, the reserve, which is let go when the disk is full to the last byte all the same.
#ifndef ECGTRAIN_SERVER_COORDINATOR_DISK_GUARD_H_
#define ECGTRAIN_SERVER_COORDINATOR_DISK_GUARD_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/free_space.h"
#include "common/mutex.h"

namespace ecgtrain {

// Free bytes below which a thing is given up; `logs` the largest, `new_work` the smallest.
struct DiskLimits {
  uint64_t logs = uint64_t{1} << 30;
  uint64_t metrics = 768 << 20;
  uint64_t new_work = 512 << 20;  // new jobs and uploads
  uint64_t reserve = 64 << 20;    // bytes of the reserve's file; 0: none
};

// In the order of sacrifice: each level gives up what those before it do.
enum class DiskLevel { kAmple, kNoLogs, kNoMetrics, kNoNewWork };

// What is given up at a level, as people call it: "logs", "metrics", "new jobs", "uploads".
std::vector<std::string> NotTaken(DiskLevel level);

// INVALID_ARGUMENT for limits that are not in their order.
absl::Status CheckDiskLimits(const DiskLimits& limits);

// Thread-safe.
class DiskGuard {
 public:
  // Guards nothing: the level is always kAmple.
  explicit DiskGuard(Clock& clock) : clock_(clock) {}
  // `space` of the disk with the database is borrowed. `reserve` is the file that holds room.
  DiskGuard(Clock& clock, FreeSpace& space, const DiskLimits& limits, std::filesystem::path reserve)
      : clock_(clock), space_(&space), limits_(limits), reserve_(std::move(reserve)) {}

  // Measured at most once a second. Ample when it cannot be measured: the writes themselves will tell.
  DiskLevel Level() ABSL_LOCKS_EXCLUDED(mutex_);
  // As last measured; nothing where nothing is guarded.
  std::optional<FreeSpace::Room> Room() ABSL_LOCKS_EXCLUDED(mutex_);
  const DiskLimits& limits() const { return limits_; }

  // RESOURCE_EXHAUSTED naming the limit and what to do when `what` ("new jobs") is refused.
  absl::Status CheckNewWork(absl::string_view what) ABSL_LOCKS_EXCLUDED(mutex_);

  // Makes the reserve where it is missing and there is room for it above the limits; now and then.
  void KeepReserve() ABSL_LOCKS_EXCLUDED(mutex_);
  // Lets the reserve go. False when there was none: nothing more can be done.
  bool ReleaseReserve() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void MeasureIfOld() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Clock& clock_;
  FreeSpace* const space_ = nullptr;
  const DiskLimits limits_;
  const std::filesystem::path reserve_;

  Mutex mutex_;
  std::optional<absl::Duration> measured_ ABSL_GUARDED_BY(mutex_);
  std::optional<FreeSpace::Room> room_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_DISK_GUARD_H_
