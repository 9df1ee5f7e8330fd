// Durations and sizes as people write them: "10m", "1h30m", "24GiB".
#ifndef ECGTRAIN_COMMON_UNITS_H_
#define ECGTRAIN_COMMON_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace ecgtrain {

// Units ms, s, m, h, d, in falling order: "90s", "1h30m", "2d". INVALID_ARGUMENT without a unit, when
// negative or infinite.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

// Rounded to what a person reads: "0.4s", "12s", "3m20s", "5h02m", "3d04h".
std::string HumanDuration(absl::Duration duration);

// Units B, KiB, MiB, GiB, TiB (and kB, MB, GB, TB). INVALID_ARGUMENT without a unit or when negative.
absl::StatusOr<uint64_t> ParseBytes(absl::string_view text);

// "812 B", "71.3 MiB".
std::string HumanBytes(uint64_t bytes);

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_UNITS_H_
