// The quality gate: what is wrong with a recording, as far as its numbers alone tell. Every threshold, with
// its reason, is in docs/pack-format.md.
#ifndef ECGTRAIN_WORKER_DATA_QUALITY_H_
#define ECGTRAIN_WORKER_DATA_QUALITY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ecgtrain {

// The numbers are bits of a record's flags in a pack: never reuse or change one.
enum class Flaw : uint32_t {
  kMissing = 1 << 0,              // a sample is missing; it was interpolated, or 0 in a lead that has none
  kFlatLead = 1 << 1,             // a lead stays at one value for a second
  kClipped = 1 << 2,              // a lead is cut off at its highest or lowest value
  kSaturated = 1 << 3,            // a sample is at the end of what 16 bits hold at 1 uV
  kImplausible = 1 << 4,          // prepared: over 10 mV, or under 0.1 mV peak to peak in every lead
  kLimbLeadsSwapped = 1 << 5,     // contradict each other, and do not after two of them changed places
  kLimbLeadsContradict = 1 << 6,  // Einthoven's and Goldberger's equations do not hold
  kLimbLeadsDerived = 1 << 7,     // no flaw: III, aVR, aVL or aVF was absent and computed from I and II
};

// Names in flags, reports and settings.
struct FlawName {
  Flaw flaw;
  absl::string_view name;
};
inline constexpr std::array<FlawName, 8> kFlawNames = {{
    {Flaw::kMissing, "missing"},
    {Flaw::kFlatLead, "flat_lead"},
    {Flaw::kClipped, "clipped"},
    {Flaw::kSaturated, "saturated"},
    {Flaw::kImplausible, "implausible"},
    {Flaw::kLimbLeadsSwapped, "limb_leads_swapped"},
    {Flaw::kLimbLeadsContradict, "limb_leads_contradict"},
    {Flaw::kLimbLeadsDerived, "limb_leads_derived"},
}};

// Flaws of one recording: Flaw values or'ed.
using Flaws = uint32_t;

// "missing", "clipped": in the order of kFlawNames.
std::vector<std::string> NamesOf(Flaws flaws);

// "missing,clipped", "all" or "none"; INVALID_ARGUMENT naming the unknown one and the nearest known.
absl::StatusOr<Flaws> ParseFlaws(absl::string_view names);

// What the recording shows before it is resampled or filtered: kFlatLead, kClipped, kSaturated,
// kLimbLeadsSwapped, kLimbLeadsContradict. `frames` [length, kLeads] in millivolts, all finite, at `rate`
// samples a second. Thread-safe, here and below.
Flaws FindSourceFlaws(absl::Span<const double> frames, double rate);

struct AmplitudeCheck {
  Flaws flaws = 0;          // kImplausible: too large or too small for an ECG
  double peak_to_peak = 0;  // millivolts, of the largest lead
};

// Of a prepared recording.
AmplitudeCheck CheckAmplitude(absl::Span<const double> frames);

// Replaces what is not finite: between two samples of a lead by the line between them, before the first and
// after the last by that sample, in a lead without any by 0. Returns how many samples were replaced.
size_t FillMissing(std::vector<double>& frames);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_QUALITY_H_
