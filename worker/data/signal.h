// Resampling and baseline removal, equal to SciPy's resample_poly and sosfiltfilt (paper.md section 0; the
// pretraining code of the paper's group uses both). Everything works on frames: sample t of channel c stands
// at [t * channels + c]. Functions are pure: thread-safe.
#ifndef ECGTRAIN_WORKER_DATA_SIGNAL_H_
#define ECGTRAIN_WORKER_DATA_SIGNAL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace ecgtrain {

// scipy.signal.resample_poly(x, up, down): Kaiser window (beta 5) of 20 * max(up, down) + 1 taps, zero
// extension, ceil(n * up / down) output samples. REQUIRES: up, down > 0, channels > 0, x.size() a multiple of
// channels.
std::vector<double> ResamplePoly(absl::Span<const double> x, size_t channels, uint32_t up, uint32_t down);

// The same for many signals: the taps are computed once. Immutable: thread-safe.
class Resampler {
 public:
  Resampler(uint32_t up, uint32_t down);

  // `y` is a buffer to use again; it must not be where `x` lies.
  void Run(absl::Span<const double> x, size_t channels, std::vector<double>& y) const;

 private:
  uint32_t up_;  // reduced, as down_ is
  uint32_t down_;
  size_t half_ = 0;
  // Taps by their number mod up_: an output meets those of one phase.
  std::vector<std::vector<double>> phases_;
};

// The low-pass of ResamplePoly for a reduced ratio.
std::vector<double> ResampleTaps(uint32_t up, uint32_t down);

// Rates for which sections of the high-pass are stored: 100 and 400 samples a second.
bool HasHighPass(uint32_t rate);

// Shortest signal that HighPass takes, in samples: one more than its odd extension.
inline constexpr size_t kMinHighPassLength = 13;

// Removes what is slower than 0.8 Hz: elliptic filter (stop band up to 0.2 Hz, 0.5 dB ripple, 40 dB), run
// forward and backward in place as scipy.signal.sosfiltfilt does, with an odd extension of 12 samples.
// INVALID_ARGUMENT for a rate without stored sections or fewer than kMinHighPassLength samples.
absl::Status HighPass(uint32_t rate, size_t channels, std::vector<double>& x);
// The same with a buffer to use again.
absl::Status HighPass(uint32_t rate, size_t channels, std::vector<double>& x, std::vector<double>& scratch);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SIGNAL_H_
