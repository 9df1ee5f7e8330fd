// Resampling and baseline removal, equal to SciPy's resample_poly and sosfiltfilt (paper.md section 0; the
// pretraining code of the paper's group uses both). Everything works on frames: sample t of channel c stands
// at [t * channels + c]. Thread-safe: pure functions.
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

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SIGNAL_H_
