// The limits that protect the service from its callers, in one place. docs/limits.md lists them.
#ifndef ECGTRAIN_SERVER_COORDINATOR_ADMISSION_H_
#define ECGTRAIN_SERVER_COORDINATOR_ADMISSION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/rate_limit.h"
#include "server/coordinator/disk_guard.h"
#include "server/store/job_store.h"

namespace ecgtrain {

struct AdmissionLimits {
  int64_t queued_per_user = 2'000;
  int64_t queued = 20'000;
  // Of one attempt; what is over waits with its worker.
  uint64_t log_bytes_per_second = 10 << 20;
};

// Thread-safe.
class Admission {
 public:
  Admission(Clock& clock, DiskGuard& disk, const AdmissionLimits& limits)
      : disk_(disk),
        limits_(limits),
        logs_(clock, limits.log_bytes_per_second, limits.log_bytes_per_second) {}

  // Whether `jobs` more of this user may be queued. RESOURCE_EXHAUSTED naming the limit and what to do.
  absl::Status CheckNewJobs(StoreReader& reader, const std::string& user, int64_t jobs);

  // How many of `wanted` log bytes of the attempt with this token are taken now.
  uint64_t TakeLogBytes(int64_t token, uint64_t wanted);

  DiskGuard& disk() { return disk_; }

 private:
  DiskGuard& disk_;
  const AdmissionLimits limits_;
  RateLimit logs_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_ADMISSION_H_
