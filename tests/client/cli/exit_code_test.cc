#include "client/cli/exit_code.h"

#include <gtest/gtest.h>

#include <map>

namespace ecgtrain {
namespace {

TEST(ExitCodeTest, EveryStatusHasTheCodeOfWhatOneDoesNext) {
  const std::map<absl::StatusCode, int> expected = {
      {absl::StatusCode::kOk, 0},
      {absl::StatusCode::kCancelled, 130},
      {absl::StatusCode::kUnknown, 10},
      {absl::StatusCode::kInvalidArgument, 2},
      {absl::StatusCode::kDeadlineExceeded, 5},
      {absl::StatusCode::kNotFound, 3},
      {absl::StatusCode::kAlreadyExists, 8},
      {absl::StatusCode::kPermissionDenied, 4},
      {absl::StatusCode::kResourceExhausted, 8},
      {absl::StatusCode::kFailedPrecondition, 8},
      {absl::StatusCode::kAborted, 8},
      {absl::StatusCode::kOutOfRange, 2},
      {absl::StatusCode::kUnimplemented, 8},
      {absl::StatusCode::kInternal, 10},
      {absl::StatusCode::kUnavailable, 5},
      {absl::StatusCode::kDataLoss, 10},
      {absl::StatusCode::kUnauthenticated, 4},
  };
  for (const auto& [code, exit] : expected) {
    EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::Status(code, "x"))), exit) << absl::StatusCodeToString(code);
  }
}

TEST(ExitCodeTest, EndedJobHasTheCodeOfItsState) {
  EXPECT_EQ(static_cast<int>(ExitCodeOf(v1::SUCCEEDED)), 0);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(v1::FAILED)), 1);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(v1::CANCELLED)), 6);
}

}  // namespace
}  // namespace ecgtrain
