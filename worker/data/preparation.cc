#include "worker/data/preparation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/limb_leads.h"
#include "worker/data/pack_format.h"
#include "worker/data/simd.h"

namespace ecgtrain {
namespace {

// Bounds the memory that one record takes, whatever its files claim.
constexpr double kMaxSeconds = 3600;
constexpr double kLimit = std::numeric_limits<int16_t>::max();  // symmetric: -32768 stays free

bool IsFlat(absl::Span<const double> frames) {
  for (size_t i = kLeads; i < frames.size(); ++i) {
    if (frames[i] != frames[i % kLeads]) return false;
  }
  return true;
}

// A sum of zeros unless something is infinite or NaN.
ECGTRAIN_DATA_SIMD bool AllFinite(const double* values, size_t count) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (size_t k = 0; k < 8; ++k) sums[k] += values[i + k] * 0.0;
  }
  double sum = 0;
  for (; i < count; ++i) sum += values[i] * 0.0;
  for (const double each : sums) sum += each;
  return sum == 0;
}

bool AllFinite(absl::Span<const double> values) { return AllFinite(values.data(), values.size()); }

// Returns how many values were beyond the limit.
ECGTRAIN_DATA_SIMD uint64_t Quantize(const double* millivolts, size_t count, int16_t* to) {
  // Adding and taking away 1.5 * 2^52 rounds to the nearest whole number, halves to the even one.
  constexpr double kRounding = 0x1.8p52;
  double clipped = 0;
  for (size_t i = 0; i < count; ++i) {
    const double value = millivolts[i] * pack_format::kUnitsPerMillivolt;
    double inside = value > kLimit ? kLimit : value;
    inside = inside < -kLimit ? -kLimit : inside;
    const double whole = (inside + kRounding) - kRounding;
    clipped += value >= kLimit + 0.5 || value <= -kLimit - 0.5 ? 1.0 : 0.0;
    to[i] = static_cast<int16_t>(static_cast<int32_t>(whole));
  }
  return static_cast<uint64_t>(clipped);
}

std::string LengthFault(const Recording& recording) {
  const size_t frame_count = recording.millivolts.size() / kLeads;
  const auto length = static_cast<double>(frame_count);
  if (length < recording.rate) return "too_short";
  if (length > kMaxSeconds * recording.rate) return "too_long";
  return "";
}

}  // namespace

absl::Status CheckRate(const Recording& recording) {
  if (recording.rate == std::floor(recording.rate) && recording.rate >= 1 && recording.rate <= 10'000) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("record ", Shown(recording.id),
                                          ", sampling rate: expected a whole number from 1 to 10000, found ",
                                          recording.rate));
}

absl::Status Preparer::Prepare(Recording& recording, PreparedRecording& prepared) {
  prepared.skip_reason.clear();
  prepared.flaws = 0;
  prepared.samples.clear();
  prepared.clipped_samples = 0;
  prepared.amplitude = 0;
  RETURN_IF_ERROR(CheckRate(recording));
  RETURN_IF_ERROR(Run(recording, prepared));
  const Flaws quarantined = prepared.flaws & options_.quarantine;
  if (prepared.skip_reason.empty() && quarantined != 0) prepared.skip_reason = NamesOf(quarantined).front();
  if (!prepared.skip_reason.empty()) prepared.samples.clear();
  return absl::OkStatus();
}

absl::Status Preparer::Run(Recording& recording, PreparedRecording& prepared) {
  std::vector<double>& source = recording.millivolts;
  prepared.skip_reason = LengthFault(recording);
  if (!prepared.skip_reason.empty()) return absl::OkStatus();
  if (!AllFinite(source)) {
    if (options_.derive_leads && DeriveLimbLeads(source))
      prepared.flaws |= static_cast<Flaws>(Flaw::kLimbLeadsDerived);
    if (FillMissing(source) > 0) prepared.flaws |= static_cast<Flaws>(Flaw::kMissing);
  }
  if (IsFlat(source)) {
    prepared.skip_reason = "flat";
    return absl::OkStatus();
  }
  prepared.flaws |= FindSourceFlaws(source, recording.rate);
  const auto source_rate = static_cast<uint32_t>(recording.rate);
  const auto resampler = resamplers_.try_emplace(source_rate, options_.rate, source_rate).first;
  resampler->second.Run(source, kLeads, frames_);
  if (options_.highpass) RETURN_IF_ERROR(HighPass(options_.rate, kLeads, frames_, scratch_));
  if (!AllFinite(frames_)) {  // absurd amplitudes overflow in the filters
    prepared.skip_reason = "not_finite";
    return absl::OkStatus();
  }
  const AmplitudeCheck amplitude = CheckAmplitude(frames_);
  prepared.flaws |= amplitude.flaws;
  prepared.amplitude = amplitude.peak_to_peak;
  prepared.samples.resize(frames_.size());
  prepared.clipped_samples = Quantize(frames_.data(), frames_.size(), prepared.samples.data());
  return absl::OkStatus();
}

}  // namespace ecgtrain
