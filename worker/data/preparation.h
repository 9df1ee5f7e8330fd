// What happens to a recording before it goes into a pack: quality gate, resampling, high-pass, rounding to 1
// uV.
#ifndef ECGTRAIN_WORKER_DATA_PREPARATION_H_
#define ECGTRAIN_WORKER_DATA_PREPARATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

// Counts up when the same recording would come out otherwise: part of a pack's digest.
inline constexpr int kPreparationVersion = 1;

struct PreparationOptions {
  uint32_t rate = 400;  // samples a second
  bool highpass = true;
};

struct PreparedRecording {
  // "not_finite" (a sample is missing), "too_short" (under a second), "too_long" (over an hour), "flat" (in
  // every lead); "" when usable.
  std::string skip_reason;
  std::vector<int16_t> samples;  // [length, kLeads], 1 uV
  uint64_t clipped_samples = 0;  // beyond +-32.767 mV
};

// Why the recording cannot be used: one of PreparedRecording's reasons, or "".
std::string SkipReason(const Recording& recording);

// DATA_LOSS when the recording's rate is no whole number from 1 to 10,000.
absl::Status CheckRate(const Recording& recording);

// Fails as CheckRate does. Thread-safe.
absl::StatusOr<PreparedRecording> Prepare(const Recording& recording, const PreparationOptions& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PREPARATION_H_
