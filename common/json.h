// Strict JSON parsing for files and messages that may be hostile.
#ifndef ECGTRAIN_COMMON_JSON_H_
#define ECGTRAIN_COMMON_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// One JSON document. INVALID_ARGUMENT, naming `what` and the byte, on a syntax error, a doubled key, invalid
// UTF-8 or nesting over `max_depth`.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, absl::string_view what, int max_depth = 32);

// One line; invalid UTF-8 becomes U+FFFD instead of throwing. NaN and infinities become null: write them as
// strings.
std::string DumpJson(const nlohmann::json& value);

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_JSON_H_
