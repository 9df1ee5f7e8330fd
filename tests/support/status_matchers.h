// EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound, HasSubstr("job/7"))); EXPECT_THAT(status,
// IsOk()).
#ifndef ECGTRAIN_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define ECGTRAIN_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ecgtrain {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message,
           "has code " + absl::StatusCodeToString(code) + " and a matching message") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code && testing::Matches(testing::SafeMatcherCast<const std::string&>(
                                             message))(std::string(StatusOf(arg).message()));
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SUPPORT_STATUS_MATCHERS_H_
