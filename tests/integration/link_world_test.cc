// The two link worlds of docs/adr/0001: no program has both LibTorch and gRPC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/process.h"

namespace ecgtrain::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string SharedLibraries(const std::string& program) {
  const CommandResult result = RunCommand({"/usr/bin/ldd", Program(program)});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return result.output;
}

TEST(LinkWorld, ServiceProgramsHaveNoLibTorch) {
  for (const char* program : {"ecg-coordinator", "ecg-worker", "ecgctl", "ecg-data"}) {
    const std::string libraries = SharedLibraries(program);
    for (const char* forbidden : {"libtorch", "libc10", "libcud"}) {
      EXPECT_THAT(libraries, Not(HasSubstr(forbidden))) << program;
    }
  }
}

TEST(LinkWorld, TrainerHasNoGrpcProtobufOrSecondBlas) {
  const std::string libraries = SharedLibraries("ecg-trainer");
  EXPECT_THAT(libraries, HasSubstr("libtorch_cpu"));
  for (const char* forbidden : {"libgrpc", "libprotobuf", "libupb", "libopenblas", "libblas"}) {
    EXPECT_THAT(libraries, Not(HasSubstr(forbidden)));
  }
  const CommandResult symbols = RunCommand({"/usr/bin/nm", "-C", "--defined-only", Program("ecg-trainer")});
  ASSERT_EQ(symbols.exit_code, 0) << symbols.errors;
  ASSERT_THAT(symbols.output, HasSubstr(" main")) << "nm has read the symbols";
  for (const char* forbidden : {"google::protobuf", "grpc::", "cblas_"}) {
    EXPECT_THAT(symbols.output, Not(HasSubstr(forbidden)));
  }
}

}  // namespace
}  // namespace ecgtrain::testing
