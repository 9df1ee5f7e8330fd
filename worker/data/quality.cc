#include "worker/data/quality.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "worker/data/limb_leads.h"
#include "worker/data/pack.h"
#include "worker/data/simd.h"

namespace ecgtrain {
namespace {

constexpr double kFlatSeconds = 1;
constexpr double kPlateauSeconds = 0.02;  // and three samples
constexpr double kLongPlateauSeconds = 0.1;
constexpr double kPlateauFromMean = 1;  // mV
constexpr double kRail = 32;            // mV
constexpr double kLargest = 10;         // mV
constexpr double kSmallest = 0.1;       // mV

constexpr Flaws Bit(Flaw flaw) { return static_cast<Flaws>(flaw); }

// One value a lead. Counters are doubles too: a vector of them runs beside the samples.
using PerLead = std::array<double, kLeads>;

struct LeadStatistics {
  PerLead low, high, sum;
  PerLead longest_run;  // samples in a row that are equal
};

// Compared by hand, not std::min: the loops over the leads become vector instructions.
ECGTRAIN_DATA_SIMD LeadStatistics Measure(const double* frame, size_t frames) {
  LeadStatistics s;
  PerLead previous, run;
  for (size_t c = 0; c < kLeads; ++c) {
    s.low[c] = s.high[c] = previous[c] = frame[c];
    s.sum[c] = run[c] = s.longest_run[c] = 0;
  }
  for (size_t t = 0; t < frames; ++t, frame += kLeads) {
    for (size_t c = 0; c < kLeads; ++c) {
      const double x = frame[c];
      s.low[c] = x < s.low[c] ? x : s.low[c];
      s.high[c] = x > s.high[c] ? x : s.high[c];
      s.sum[c] += x;
      run[c] = (x == previous[c] ? run[c] : 0.0) + 1;
      s.longest_run[c] = run[c] > s.longest_run[c] ? run[c] : s.longest_run[c];
      previous[c] = x;
    }
  }
  return s;
}

// Whether the lead stands still at `extreme` twice or more, or once for long: an amplifier at its limit. A
// peak has one or two samples there.
bool HasPlateaus(absl::Span<const double> frames, size_t lead, double extreme, double rate) {
  const double shortest = std::max(3.0, kPlateauSeconds * rate);
  size_t plateaus = 0;
  size_t run = 0;
  for (size_t i = lead; i < frames.size(); i += kLeads) {
    if (frames[i] != extreme) {
      run = 0;
      continue;
    }
    ++run;
    const auto length = static_cast<double>(run);
    plateaus += length >= shortest && length < shortest + 1;
    if (length >= kLongPlateauSeconds * rate && length >= shortest) return true;
  }
  return plateaus >= 2;
}

bool IsClipped(absl::Span<const double> frames, const LeadStatistics& s, size_t lead, double rate) {
  if (s.longest_run[lead] < 3) return false;
  const double mean = s.sum[lead] * kLeads / static_cast<double>(frames.size());
  return (s.high[lead] - mean >= kPlateauFromMean && HasPlateaus(frames, lead, s.high[lead], rate)) ||
         (mean - s.low[lead] >= kPlateauFromMean && HasPlateaus(frames, lead, s.low[lead], rate));
}

void FillLead(std::vector<double>& frames, size_t lead) {
  constexpr size_t kNone = ~size_t{0};
  size_t known = kNone;  // the last sample that is there
  for (size_t i = lead; i < frames.size(); i += kLeads) {
    if (!std::isfinite(frames[i])) continue;
    const double from = known == kNone ? frames[i] : frames[known];
    const size_t start = known == kNone ? lead : known + kLeads;
    for (size_t gap = start; gap < i; gap += kLeads) {
      const double share =
          known == kNone ? 1 : static_cast<double>(gap - known) / static_cast<double>(i - known);
      frames[gap] = from + share * (frames[i] - from);
    }
    known = i;
  }
  const double last = known == kNone ? 0 : frames[known];
  for (size_t i = known == kNone ? lead : known + kLeads; i < frames.size(); i += kLeads) frames[i] = last;
}

}  // namespace

std::vector<std::string> NamesOf(Flaws flaws) {
  std::vector<std::string> names;
  for (const FlawName& each : kFlawNames) {
    if (flaws & Bit(each.flaw)) names.emplace_back(each.name);
  }
  return names;
}

absl::StatusOr<Flaws> ParseFlaws(absl::string_view names) {
  if (names == "none") return 0;
  Flaws flaws = 0;
  std::vector<std::string> known = {"all", "none"};
  for (const FlawName& each : kFlawNames) known.emplace_back(each.name);
  for (const absl::string_view name : absl::StrSplit(names, ',')) {
    Flaws found = 0;
    for (const FlawName& each : kFlawNames) {
      if (each.name == name || (name == "all" && each.flaw != Flaw::kLimbLeadsDerived))
        found |= Bit(each.flaw);
    }
    if (found == 0)
      return absl::InvalidArgumentError(absl::StrCat("unknown flaw ", Quoted(name), DidYouMean(name, known)));
    flaws |= found;
  }
  return flaws;
}

Flaws FindSourceFlaws(absl::Span<const double> frames, double rate) {
  const LeadStatistics s = Measure(frames.data(), frames.size() / kLeads);
  Flaws flaws = 0;
  for (size_t lead = 0; lead < kLeads; ++lead) {
    if (s.longest_run[lead] >= kFlatSeconds * rate) flaws |= Bit(Flaw::kFlatLead);
    if (std::max(s.high[lead], -s.low[lead]) >= kRail) flaws |= Bit(Flaw::kSaturated);
    if (IsClipped(frames, s, lead, rate)) flaws |= Bit(Flaw::kClipped);
  }
  switch (CheckLimbLeads(frames)) {
    case LimbLeads::kAgree:
      break;
    case LimbLeads::kSwapped:
      flaws |= Bit(Flaw::kLimbLeadsSwapped);
      break;
    case LimbLeads::kContradict:
      flaws |= Bit(Flaw::kLimbLeadsContradict);
      break;
  }
  return flaws;
}

AmplitudeCheck CheckAmplitude(absl::Span<const double> frames) {
  const LeadStatistics s = Measure(frames.data(), frames.size() / kLeads);
  const size_t frame_count = frames.size() / kLeads;
  const auto count = static_cast<double>(frame_count);
  AmplitudeCheck check;
  double peak = 0;
  for (size_t lead = 0; lead < kLeads; ++lead) {
    const double mean = s.sum[lead] / count;
    peak = std::max({peak, s.high[lead] - mean, mean - s.low[lead]});
    check.peak_to_peak = std::max(check.peak_to_peak, s.high[lead] - s.low[lead]);
  }
  if (peak > kLargest || check.peak_to_peak < kSmallest) check.flaws = Bit(Flaw::kImplausible);
  return check;
}

size_t FillMissing(std::vector<double>& frames) {
  PerLead missing = {};
  for (size_t i = 0; i < frames.size(); ++i) missing[i % kLeads] += !std::isfinite(frames[i]);
  size_t replaced = 0;
  for (size_t lead = 0; lead < kLeads; ++lead) {
    if (missing[lead] == 0) continue;
    replaced += static_cast<size_t>(missing[lead]);
    FillLead(frames, lead);
  }
  return replaced;
}

}  // namespace ecgtrain
