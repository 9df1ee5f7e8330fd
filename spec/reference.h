// How specifications and commands name a job or one of its checkpoints: "job/12", "12", "NAME", "@last"; and
// "job/12@best", "NAME@last", "12@step:1200".
#ifndef ECGTRAIN_SPEC_REFERENCE_H_
#define ECGTRAIN_SPEC_REFERENCE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Exactly one of `id`, `name` and `newest` says which job.
struct JobReference {
  // From 1; 0 when the job is not named by its number.
  int64_t id = 0;
  std::string name;
  // "@last": the caller's newest job.
  bool newest = false;
  // "best", "last" or "step:N"; "" in a reference to a job alone.
  std::string selector;
  // N of "step:N".
  uint64_t step = 0;
};

// INVALID_ARGUMENT, quoting `text` and the accepted forms.
absl::StatusOr<JobReference> ParseJobReference(absl::string_view text);

// A job with a selector; INVALID_ARGUMENT also where the selector is missing.
absl::StatusOr<JobReference> ParseCheckpointReference(absl::string_view text);

// As it is written: "job/12@best", "NAME".
std::string FormatReference(const JobReference& reference);

// Letters, digits, '.', '_' and '-', beginning with a letter or digit: names of jobs, labels and data sets.
bool IsIdentifier(absl::string_view text);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_REFERENCE_H_
