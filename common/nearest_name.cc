#include "common/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/quoted.h"

namespace ecgtrain {
namespace {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted =
          diagonal + (absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::string NearestName(absl::string_view given, absl::Span<const std::string> candidates) {
  if (given.size() > 128) return "";
  std::string best;
  size_t best_distance = std::max<size_t>(2, given.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > given.size() + best_distance) continue;  // each letter more is an edit
    const size_t distance = EditDistance(given, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string DidYouMean(absl::string_view given, absl::Span<const std::string> candidates) {
  const std::string nearest = NearestName(given, candidates);
  if (!nearest.empty()) return absl::StrCat("; did you mean ", Quoted(nearest), "?");
  if (candidates.empty()) return "";
  const auto show = [](std::string* out, absl::string_view name) { absl::StrAppend(out, Shown(name)); };
  const size_t shown = std::min<size_t>(candidates.size(), 20);
  return absl::StrCat("; known: ", absl::StrJoin(candidates.subspan(0, shown), ", ", show),
                      shown < candidates.size() ? ", ..." : "");
}

}  // namespace ecgtrain
