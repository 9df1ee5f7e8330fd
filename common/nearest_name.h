// "Did you mean": the known name closest to a misspelt one.
#ifndef ECGTRAIN_COMMON_NEAREST_NAME_H_
#define ECGTRAIN_COMMON_NEAREST_NAME_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ecgtrain {

// The candidate with the smallest edit distance to `given`, or "" when none is near enough to be a likely
// slip.
std::string NearestName(absl::string_view given, absl::Span<const std::string> candidates);

// "; did you mean \"X\"?" or, without a near name, "; known: A, B, C" (at most 20 of them);
// each at most as long as Quoted and Shown have it.
std::string DidYouMean(absl::string_view given, absl::Span<const std::string> candidates);

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_NEAREST_NAME_H_
