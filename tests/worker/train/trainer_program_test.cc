// ecg-trainer as a program, alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "tests/integration/process.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using testing::CommandResult;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunCommand;

class TrainerProgram : public ::testing::Test {
 protected:
  // Fails on its specification, after the runtime has said what it was told.
  CommandResult RunWith(const std::vector<std::string>& environment) {
    EXPECT_TRUE(WriteFileDurably(base_.path() / "spec.json", "{}").ok());
    std::vector<std::string> words = {
        "/usr/bin/env", "-u", "OMP_WAIT_POLICY", "-u", "GOMP_SPINCOUNT", "OMP_DISPLAY_ENV=verbose"};
    words.insert(words.end(), environment.begin(), environment.end());
    const std::vector<std::string> run = {
        testing::Program("ecg-trainer"),       "run",   "--spec",
        (base_.path() / "spec.json").string(), "--dir", (base_.path() / "run").string()};
    words.insert(words.end(), run.begin(), run.end());
    return RunCommand(words);
  }
  // What the process that trained had been told; an earlier one's is before it.
  std::string LastEnvironment(const CommandResult& result) {
    const size_t begin = result.errors.rfind("OPENMP DISPLAY ENVIRONMENT BEGIN");
    return begin == std::string::npos ? "none: " + result.errors : result.errors.substr(begin);
  }

  TemporaryFolder base_;
};

TEST_F(TrainerProgram, LetsItsThreadsSpinBrieflyOnly) {
  const CommandResult result = RunWith({});
  EXPECT_EQ(result.exit_code, 20);
  EXPECT_THAT(LastEnvironment(result), HasSubstr("GOMP_SPINCOUNT = '1000'"));
}

TEST_F(TrainerProgram, LeavesAUsersOwnSettingAlone) {
  EXPECT_THAT(LastEnvironment(RunWith({"GOMP_SPINCOUNT=77"})), HasSubstr("GOMP_SPINCOUNT = '77'"));
  const CommandResult passive = RunWith({"OMP_WAIT_POLICY=passive"});
  EXPECT_THAT(LastEnvironment(passive), HasSubstr("OMP_WAIT_POLICY = 'PASSIVE'"));
  EXPECT_THAT(LastEnvironment(passive), Not(HasSubstr("GOMP_SPINCOUNT = '1000'")));
}

}  // namespace
}  // namespace ecgtrain
