#include "worker/data/leads.h"

#include <limits>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/quoted.h"

namespace ecgtrain {
namespace {

size_t LeadNumber(absl::string_view name) {
  if (absl::EqualsIgnoreCase(name, "DI") || absl::EqualsIgnoreCase(name, "DII") ||
      absl::EqualsIgnoreCase(name, "DIII")) {
    name.remove_prefix(1);
  }
  for (size_t lead = 0; lead < kLeadNames.size(); ++lead) {
    if (absl::EqualsIgnoreCase(name, kLeadNames[lead])) return lead;
  }
  return kAbsentLead;
}

}  // namespace

absl::StatusOr<std::array<size_t, kLeads>> FindLeads(absl::Span<const std::string> names,
                                                     absl::string_view where) {
  std::array<size_t, kLeads> columns;
  columns.fill(kAbsentLead);
  for (size_t column = 0; column < names.size(); ++column) {
    const size_t lead = LeadNumber(names[column]);
    if (lead == kAbsentLead) {
      return absl::DataLossError(absl::StrCat(where, ": unknown lead ", Quoted(names[column]),
                                              "; expected I, II, III, aVR, aVL, aVF and V1 to V6"));
    }
    if (columns[lead] != kAbsentLead)
      return absl::DataLossError(absl::StrCat(where, ": lead ", kLeadNames[lead], " is there twice"));
    columns[lead] = column;
  }
  return columns;
}

std::vector<double> SelectLeads(absl::Span<const double> frames, size_t columns,
                                const std::array<size_t, kLeads>& leads) {
  const size_t length = frames.size() / columns;
  std::vector<double> selected(length * kLeads);
  for (size_t t = 0; t < length; ++t) {
    for (size_t lead = 0; lead < leads.size(); ++lead) {
      selected[t * kLeads + lead] = leads[lead] == kAbsentLead ? std::numeric_limits<double>::quiet_NaN()
                                                               : frames[t * columns + leads[lead]];
    }
  }
  return selected;
}

}  // namespace ecgtrain
