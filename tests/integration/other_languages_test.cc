// The API through reflection and JSON, by programs that know nothing of our protos (docs/api.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/ids.h"
#include "tests/integration/lab.h"

namespace ecgtrain::testing {
namespace {

using ::testing::HasSubstr;

class OtherLanguages : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("ECGTRAIN_GO_TOOLS");
    folder_ = folder != nullptr ? folder : "";
    if (!std::filesystem::exists(folder_ / "grpcurl") ||
        !std::filesystem::exists(folder_ / "grpc-health-probe")) {
      GTEST_SKIP() << "grpcurl and grpc-health-probe are not in ECGTRAIN_GO_TOOLS";
    }
    lab_.StartCoordinator();
  }
  CommandResult Grpcurl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {folder_ / "grpcurl", "-plaintext"});
    return RunCommand(arguments);
  }
  std::filesystem::path folder_;
  Lab lab_;
};

TEST_F(OtherLanguages, ReflectionListsAndDescribesTheServices) {
  const CommandResult listed = Grpcurl({lab_.address(), "list"});
  EXPECT_EQ(listed.exit_code, 0) << listed.errors;
  for (const char* service : {"ecgtrain.v1.TrainingService", "ecgtrain.v1.WorkerService",
                              "ecgtrain.v1.AdminService", "grpc.health.v1.Health"}) {
    EXPECT_THAT(listed.output, HasSubstr(service));
  }
  const CommandResult described = Grpcurl({lab_.address(), "describe", "ecgtrain.v1.TrainingService"});
  EXPECT_THAT(described.output, HasSubstr("rpc SubmitJobs"));
}

TEST_F(OtherLanguages, JsonCallsSubmitAndList) {
  const CommandResult submitted =
      Grpcurl({"-d",
               absl::StrCat(R"({"request_id": ")", NewUuid(),
                            R"(", "specs": [{"name": "from-curl", "pretrain": {"dataset": "synthetic"}}]})"),
               lab_.address(), "ecgtrain.v1.TrainingService/SubmitJobs"});
  EXPECT_EQ(submitted.exit_code, 0) << submitted.errors;
  const CommandResult listed = Grpcurl({"-d", "{}", lab_.address(), "ecgtrain.v1.TrainingService/ListJobs"});
  EXPECT_THAT(listed.output, HasSubstr("from-curl"));
  EXPECT_THAT(listed.output, HasSubstr("QUEUED"));
}

TEST_F(OtherLanguages, BadSpecificationIsRefusedWithItsField) {
  const CommandResult refused =
      Grpcurl({"-d",
               absl::StrCat(R"({"request_id": ")", NewUuid(),
                            R"(", "specs": [{"pretrain": {"dataset": "synthetic"}, "precision": "fp23"}]})"),
               lab_.address(), "ecgtrain.v1.TrainingService/SubmitJobs"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.errors, HasSubstr("InvalidArgument"));
  EXPECT_THAT(refused.errors, HasSubstr("precision"));
}

TEST_F(OtherLanguages, HealthProbeSeesAServingCoordinator) {
  const CommandResult probe = RunCommand({folder_ / "grpc-health-probe", "-addr", lab_.address()});
  EXPECT_EQ(probe.exit_code, 0) << probe.errors;
  EXPECT_THAT(probe.output + probe.errors, HasSubstr("SERVING"));
}

}  // namespace
}  // namespace ecgtrain::testing
