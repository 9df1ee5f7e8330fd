#include "worker/data/preparation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/data/pack_format.h"
#include "worker/data/signal.h"

namespace ecgtrain {
namespace {

// Bounds the memory that one record takes, whatever its files claim.
constexpr double kMaxSeconds = 3600;

bool IsFlat(absl::Span<const double> frames) {
  for (size_t i = kLeads; i < frames.size(); ++i) {
    if (frames[i] != frames[i % kLeads]) return false;
  }
  return true;
}

bool AllFinite(absl::Span<const double> frames) {
  return std::all_of(frames.begin(), frames.end(), [](double value) { return std::isfinite(value); });
}

void Quantize(absl::Span<const double> millivolts, PreparedRecording& prepared) {
  constexpr double kLimit = std::numeric_limits<int16_t>::max();  // symmetric: -32768 stays free
  prepared.samples.resize(millivolts.size());
  for (size_t i = 0; i < millivolts.size(); ++i) {
    const double value = std::nearbyint(millivolts[i] * pack_format::kUnitsPerMillivolt);
    const double clipped = std::clamp(value, -kLimit, kLimit);
    prepared.clipped_samples += clipped != value;
    prepared.samples[i] = static_cast<int16_t>(clipped);
  }
}

}  // namespace

std::string SkipReason(const Recording& recording) {
  const size_t length = recording.millivolts.size() / kLeads;
  if (static_cast<double>(length) < recording.rate) return "too_short";
  if (static_cast<double>(length) > kMaxSeconds * recording.rate) return "too_long";
  if (!AllFinite(recording.millivolts)) return "not_finite";
  if (IsFlat(recording.millivolts)) return "flat";
  return "";
}

absl::Status CheckRate(const Recording& recording) {
  if (recording.rate == std::floor(recording.rate) && recording.rate >= 1 && recording.rate <= 10'000) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("record ", recording.id,
                                          ", sampling rate: expected a whole number from 1 to 10000, found ",
                                          recording.rate));
}

absl::StatusOr<PreparedRecording> Prepare(const Recording& recording, const PreparationOptions& options) {
  RETURN_IF_ERROR(CheckRate(recording));
  PreparedRecording prepared;
  prepared.skip_reason = SkipReason(recording);
  if (!prepared.skip_reason.empty()) return prepared;
  std::vector<double> frames =
      ResamplePoly(recording.millivolts, kLeads, options.rate, static_cast<uint32_t>(recording.rate));
  if (options.highpass) RETURN_IF_ERROR(HighPass(options.rate, kLeads, frames));
  if (!AllFinite(frames)) {  // absurd amplitudes overflow in the filters
    prepared.skip_reason = "not_finite";
    return prepared;
  }
  Quantize(frames, prepared);
  return prepared;
}

}  // namespace ecgtrain
