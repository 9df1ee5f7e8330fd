// What happens to a recording before it goes into a pack: absent limb leads, missing samples, the quality
// gate, resampling, high-pass, rounding to 1 uV.
#ifndef ECGTRAIN_WORKER_DATA_PREPARATION_H_
#define ECGTRAIN_WORKER_DATA_PREPARATION_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/data/data_set.h"
#include "worker/data/quality.h"
#include "worker/data/signal.h"

namespace ecgtrain {

// Counts up when the same recording would come out otherwise: part of a pack's digest.
inline constexpr int kPreparationVersion = 2;

struct PreparationOptions {
  uint32_t rate = 400;  // samples a second
  bool highpass = true;
  bool derive_leads = true;  // compute III, aVR, aVL, aVF that are absent from I and II
  Flaws quarantine = static_cast<Flaws>(Flaw::kMissing);  // what leaves a recording out; the rest is flagged
};

struct PreparedRecording {
  // Why the recording is left out; "" when it is usable. Whatever the options say: "too_short" (under a
  // second), "too_long" (over an hour), "flat" (in every lead), "not_finite" (overflows in the filters). Else
  // the name of a flaw in quarantine.
  std::string skip_reason;
  Flaws flaws = 0;
  std::vector<int16_t> samples;  // [length, kLeads], 1 uV
  uint64_t clipped_samples = 0;  // beyond +-32.767 mV
  double amplitude = 0;          // millivolts peak to peak, of the largest lead
};

// DATA_LOSS when the recording's rate is no whole number from 1 to 10,000.
absl::Status CheckRate(const Recording& recording);

// Prepares recordings one after the other with buffers of its own. Thread-compatible: one for each thread.
class Preparer {
 public:
  explicit Preparer(const PreparationOptions& options) : options_(options) {}

  // Fails as CheckRate does. `recording.millivolts` is changed; `prepared` is a buffer to use again.
  absl::Status Prepare(Recording& recording, PreparedRecording& prepared);

  // [length, kLeads]: the last usable recording before it was rounded, until the next call of Prepare.
  const std::vector<double>& millivolts() const { return frames_; }

 private:
  absl::Status Run(Recording& recording, PreparedRecording& prepared);

  PreparationOptions options_;
  std::map<uint32_t, Resampler> resamplers_;  // by the recordings' rate
  std::vector<double> frames_;
  std::vector<double> scratch_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PREPARATION_H_
