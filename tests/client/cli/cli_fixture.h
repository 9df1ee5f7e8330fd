// Runs of ecgctl inside the test, against a fake coordinator, a fake clock and strings in place of the
// terminal.
#ifndef ECGTRAIN_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
#define ECGTRAIN_TESTS_CLIENT_CLI_CLI_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/cli.h"
#include "common/durable_file.h"
#include "tests/client/client_fixture.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {

struct CliResult {
  int code = -1;
  std::string out;
  std::string err;
};

class CliFixture : public testing::Test {
 protected:
  void Serve(FakeState state) { fake_ = std::make_unique<FakeTrainingService>(std::move(state)); }

  CliResult Run(const std::vector<std::string>& words, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    const auto variables = [this](const std::string& name) -> std::string {
      if (name == "ECGCTL_SERVER") return fake_ == nullptr ? "127.0.0.1:1" : fake_->address();
      return "";
    };
    const auto sleep = [this](absl::Duration wait) {
      clock_.Advance(wait);
      return !cancellation_.cancelled();
    };
    const Environment environment{variables, in, out, err, terminal_, clock_, cancellation_, sleep};
    CliResult result;
    result.code = RunCli(words, environment);
    result.out = out.str();
    result.err = err.str();
    return result;
  }

  // A file in the test's folder.
  std::string WriteSpec(const std::string& content) {
    const std::filesystem::path path = folder_.path() / "spec.yaml";
    EXPECT_TRUE(WriteFileDurably(path, content).ok());
    return path;
  }

  google::protobuf::Timestamp Before(absl::Duration age) {
    google::protobuf::Timestamp time;
    time.set_seconds(absl::ToUnixSeconds(clock_.Now() - age));
    return time;
  }

  FakeClock clock_;
  Cancellation cancellation_{clock_};
  Terminal terminal_;
  TemporaryFolder folder_;
  std::unique_ptr<FakeTrainingService> fake_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
