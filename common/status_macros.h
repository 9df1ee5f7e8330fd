// The two status macros of the project, under the names the upstream libraries use for theirs.
//
//   RETURN_IF_ERROR(DoThis());
//   ASSIGN_OR_RETURN(auto value, ComputeThat());
//   ASSIGN_OR_RETURN(auto job, store.GetJob(id), WithContext(_, "while resuming"));  // `_` is the status
#ifndef ECGTRAIN_COMMON_STATUS_MACROS_H_
#define ECGTRAIN_COMMON_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Same code and payloads, message prefixed by `context` and ": ".
inline absl::Status WithContext(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status result(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&result](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace ecgtrain

#define RETURN_IF_ERROR(expression)                    \
  do {                                                 \
    ::absl::Status ecgtrain_status = (expression);     \
    if (!ecgtrain_status.ok()) return ecgtrain_status; \
  } while (false)

#define ECGTRAIN_CONCAT_INNER(a, b) a##b
#define ECGTRAIN_CONCAT(a, b) ECGTRAIN_CONCAT_INNER(a, b)
#define ECGTRAIN_SELECT(a, b, c, name, ...) name

#define ASSIGN_OR_RETURN(...)                                                                    \
  ECGTRAIN_SELECT(__VA_ARGS__, ECGTRAIN_ASSIGN_OR_RETURN_3, ECGTRAIN_ASSIGN_OR_RETURN_2, unused) \
  (ECGTRAIN_CONCAT(ecgtrain_status_or_, __LINE__), __VA_ARGS__)
#define ECGTRAIN_ASSIGN_OR_RETURN_2(temporary, lhs, expression) \
  auto temporary = (expression);                                \
  if (!temporary.ok()) return std::move(temporary).status();    \
  lhs = *std::move(temporary)
#define ECGTRAIN_ASSIGN_OR_RETURN_3(temporary, lhs, expression, error) \
  auto temporary = (expression);                                       \
  if (!temporary.ok()) {                                               \
    const ::absl::Status _ = std::move(temporary).status();            \
    return (error);                                                    \
  }                                                                    \
  lhs = *std::move(temporary)

#endif  // ECGTRAIN_COMMON_STATUS_MACROS_H_
