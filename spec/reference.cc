#include "spec/reference.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

// SimpleAtoi alone would take signs and spaces.
bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

absl::Status BadJobReference(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat(Quoted(text), " names no job; write job/12, 12, a job's name, or @last"));
}

absl::Status BadCheckpointReference(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat(Quoted(text),
                   " names no checkpoint; write a job and which of its checkpoints: "
                   "job/12@best, NAME@last or 12@step:1200"));
}

}  // namespace

bool IsIdentifier(absl::string_view text) {
  const auto allowed = [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && absl::ascii_isalnum(text[0]) && std::all_of(text.begin(), text.end(), allowed);
}

absl::StatusOr<JobReference> ParseJobReference(absl::string_view text) {
  JobReference reference;
  if (text == "@last") {
    reference.newest = true;
    return reference;
  }
  absl::string_view rest = text;
  const bool prefixed = absl::ConsumePrefix(&rest, "job/");
  if (IsDigits(rest)) {
    if (!absl::SimpleAtoi(rest, &reference.id) || reference.id < 1) return BadJobReference(text);
    return reference;
  }
  if (prefixed || !IsIdentifier(rest) || rest.size() > 128) return BadJobReference(text);
  reference.name = std::string(rest);
  return reference;
}

absl::StatusOr<JobReference> ParseCheckpointReference(absl::string_view text) {
  const size_t at = text.rfind('@');
  if (at == absl::string_view::npos || at == 0) return BadCheckpointReference(text);
  const absl::string_view selector = text.substr(at + 1);
  ASSIGN_OR_RETURN(JobReference reference, ParseJobReference(text.substr(0, at)),
                   BadCheckpointReference(text));
  absl::string_view step = selector;
  if (absl::ConsumePrefix(&step, "step:")) {
    if (!IsDigits(step) || !absl::SimpleAtoi(step, &reference.step)) return BadCheckpointReference(text);
    reference.selector = absl::StrCat("step:", reference.step);
    return reference;
  }
  if (selector != "best" && selector != "last") return BadCheckpointReference(text);
  reference.selector = std::string(selector);
  return reference;
}

std::string FormatReference(const JobReference& reference) {
  std::string text = reference.newest   ? "@last"
                     : reference.id > 0 ? absl::StrCat("job/", reference.id)
                                        : reference.name;
  if (!reference.selector.empty()) absl::StrAppend(&text, "@", reference.selector);
  return text;
}

}  // namespace ecgtrain
