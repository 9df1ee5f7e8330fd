// Reads job specifications as people write them: YAML, and JSON, which is YAML.
//
// Hostile text is refused with INVALID_ARGUMENT "WHAT:LINE: reason": unknown keys (with the nearest known
// one), doubled keys, values of another type, anchors and aliases, tags, several documents, control
// characters, nesting over 16 levels, more than 64 KiB (batches: 1 MiB, 1,000 jobs). Values themselves are
// checked by ResolveSpec (resolve.h).
//
// A string field takes any scalar as it is written, so that `name: no` is "no"; numbers are decimal without
// leading zeros; booleans are `true` and `false`; durations are written "90s", "10m", "1h30m". Functions are
// thread-safe.
#ifndef ECGTRAIN_SPEC_SPEC_PARSER_H_
#define ECGTRAIN_SPEC_SPEC_PARSER_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ecgtrain/v1/spec.pb.h"

namespace ecgtrain {

inline constexpr size_t kMaxSpecBytes = 64 << 10;
inline constexpr size_t kMaxBatchBytes = 1 << 20;
inline constexpr size_t kMaxBatchJobs = 1000;
inline constexpr int kMaxSpecDepth = 16;

// One specification. `what` names the source in errors: a file name.
absl::StatusOr<v1::JobSpec> ParseSpec(absl::string_view text, absl::string_view what);

// One specification, or a mapping with the one key `jobs`: a list of at least one specification.
absl::StatusOr<std::vector<v1::JobSpec>> ParseSpecs(absl::string_view text, absl::string_view what);

// Sets one field as `--set` writes it: "optimizer.learning_rate=3e-4", "finetune.folds.train=[1,2,3]",
// "labels.study=first". A list replaces the earlier one. INVALID_ARGUMENT leaves `spec` as it was.
absl::Status ApplySetting(v1::JobSpec& spec, absl::string_view setting);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_SPEC_PARSER_H_
