#include "proto/grpc_status.h"

#include <gtest/gtest.h>

namespace ecgtrain {
namespace {

TEST(GrpcStatus, CodeMessageAndDetailsSurviveTheRoundTrip) {
  const absl::Status sent = WithViolations(
      WithErrorInfo(absl::InvalidArgumentError("two problems"), "INVALID_SPEC", {{"job", "42"}}),
      {{"specs[0].seed", "negative"}, {"specs[0].name", "too long"}});
  const absl::Status got = FromGrpcStatus(ToGrpcStatus(sent));
  EXPECT_EQ(got.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(got.message(), "two problems");
  EXPECT_EQ(ErrorReason(got), "INVALID_SPEC");
  ASSERT_EQ(Violations(got).size(), 2u);
  EXPECT_EQ(Violations(got)[1].field, "specs[0].name");
}

TEST(GrpcStatus, PlainStatusHasNoDetails) {
  EXPECT_TRUE(ToGrpcStatus(absl::NotFoundError("job/7")).error_details().empty());
  EXPECT_EQ(ErrorReason(absl::NotFoundError("x")), "");
  EXPECT_TRUE(FromGrpcStatus(ToGrpcStatus(absl::OkStatus())).ok());
}

TEST(GrpcStatus, DetailsStayBelowTheMetadataLimit) {
  std::vector<FieldViolation> many(1000, {"specs[0].model.channels", std::string(100, 'x')});
  const grpc::Status status =
      ToGrpcStatus(WithViolations(absl::InvalidArgumentError(std::string(9000, 'm')), many));
  EXPECT_LT(status.error_details().size(), 6000u);
  EXPECT_EQ(status.error_message().size(), 4096u);
  EXPECT_FALSE(Violations(FromGrpcStatus(status)).empty());
}

}  // namespace
}  // namespace ecgtrain
