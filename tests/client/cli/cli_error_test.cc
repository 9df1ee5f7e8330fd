#include <gmock/gmock.h>

#include <algorithm>

#include "proto/grpc_status.h"
#include "tests/client/cli/cli_fixture.h"

namespace ecgtrain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CliErrorTest : public CliFixture {
 protected:
  static long Lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
};

TEST_F(CliErrorTest, UnreachableServerIsCodeFiveInOneLine) {
  const CliResult result = Run({"job", "list"});
  EXPECT_EQ(result.code, 5);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(Lines(result.err), 1) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("--server")));
}

TEST_F(CliErrorTest, WrongTokenIsCodeFourInOneLine) {
  FakeState state;
  state.token = "right";
  Serve(state);
  const CliResult result = Run({"job", "list"});
  EXPECT_EQ(result.code, 4);
  EXPECT_EQ(Lines(result.err), 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("--token-file"));
}

TEST_F(CliErrorTest, CodesOfTheServerBecomeExitCodes) {
  for (const auto& [code, exit] :
       std::vector<std::pair<grpc::StatusCode, int>>{{grpc::StatusCode::INVALID_ARGUMENT, 2},
                                                     {grpc::StatusCode::NOT_FOUND, 3},
                                                     {grpc::StatusCode::PERMISSION_DENIED, 4},
                                                     {grpc::StatusCode::RESOURCE_EXHAUSTED, 8},
                                                     {grpc::StatusCode::ALREADY_EXISTS, 8},
                                                     {grpc::StatusCode::DATA_LOSS, 10},
                                                     {grpc::StatusCode::INTERNAL, 10}}) {
    FakeState state;
    state.failures = {grpc::Status(code, "because")};
    Serve(state);
    const CliResult result = Run({"worker", "list"});
    EXPECT_EQ(result.code, exit);
    EXPECT_THAT(result.err, HasSubstr("because"));
  }
}

TEST_F(CliErrorTest, EveryViolationHasALineOfItsOwn) {
  FakeState state;
  state.failures = {
      ToGrpcStatus(WithViolations(absl::InvalidArgumentError("2 problems"),
                                  {{"specs[0].seed", "too big"}, {"specs[0].model.preset", "unknown"}}))};
  Serve(state);
  const CliResult result = Run({"job", "submit", "-f", "-"}, "pretrain: {dataset: synthetic}\n");
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.err, "ecgctl: specs[0].seed: too big\necgctl: specs[0].model.preset: unknown\n");
}

TEST_F(CliErrorTest, TextOfTheServerCannotDriveTheTerminal) {
  FakeState state;
  state.failures = {grpc::Status(grpc::StatusCode::INTERNAL, "\x1b]0;evil\x07")};
  Serve(state);
  EXPECT_EQ(Run({"worker", "list"}).err, "ecgctl: \\x1b]0;evil\\x07\n");
}

TEST_F(CliErrorTest, CtrlCIsCode130) {
  Serve({});
  cancellation_.Cancel();
  EXPECT_EQ(Run({"worker", "list"}).code, 130);
}

}  // namespace
}  // namespace ecgtrain
