// Lead names as data sets write them, and our order of the twelve.
#ifndef ECGTRAIN_WORKER_DATA_LEADS_H_
#define ECGTRAIN_WORKER_DATA_LEADS_H_

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/data/pack.h"

namespace ecgtrain {

inline constexpr std::array<absl::string_view, kLeads> kLeadNames = {"I",  "II", "III", "aVR", "aVL", "aVF",
                                                                     "V1", "V2", "V3",  "V4",  "V5",  "V6"};

// The column of a lead that is not there.
inline constexpr size_t kAbsentLead = ~size_t{0};

// For each of our twelve leads its column among `names`, or kAbsentLead. Names are compared without case and
// with or without a leading D for the limb leads ("DI"). DATA_LOSS, naming `where`, for an unknown or doubled
// lead.
absl::StatusOr<std::array<size_t, kLeads>> FindLeads(absl::Span<const std::string> names,
                                                     absl::string_view where);

// `frames` [length, columns] as [length, kLeads]; an absent lead is NaN, which the preparation derives or
// flags.
std::vector<double> SelectLeads(absl::Span<const double> frames, size_t columns,
                                const std::array<size_t, kLeads>& leads);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_LEADS_H_
