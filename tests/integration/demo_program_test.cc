// `ecgctl demo` as people run it: the real programs, a short form of its three trainings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "tests/integration/process.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Command lines of this moment that name the folder.
std::vector<std::string> ProgramsIn(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  std::error_code error;  // processes come and go
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string line = ReadFile(entry.path() / "cmdline").value_or("");
    if (absl::StrContains(line, folder.string())) found.push_back(line);
  }
  return found;
}

// The columns of the line that begins with `first`.
std::vector<std::string> Row(const std::string& output, const std::string& first) {
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    if (absl::StartsWith(line, first)) return absl::StrSplit(line, ' ', absl::SkipEmpty());
  }
  return {};
}

double Number(const std::string& text) {
  double value = -1;
  EXPECT_TRUE(absl::SimpleAtod(text, &value)) << text;
  return value;
}

class DemoProgram : public ::testing::Test {
 protected:
  CommandResult Demo(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {Program("ecgctl"), "demo", "--dir", folder_});
    return RunCommand(arguments);
  }

  // Both arms have a score between 0 and 1 and count their classes; the loss has fallen; all has ended.
  void ExpectComparison(const CommandResult& demo) {
    ASSERT_EQ(demo.exit_code, 0) << demo.output << demo.errors;
    EXPECT_THAT(demo.output, HasSubstr("LEFT OUT"));
    for (const char* arm : {"pretrained", "scratch"}) {
      const std::vector<std::string> row = Row(demo.output, absl::StrCat(arm, " "));
      ASSERT_THAT(row, SizeIs(7)) << demo.output;  // arm, state, AUROC, F_max, scored, left out, records
      EXPECT_EQ(row[1], "SUCCEEDED");
      EXPECT_GT(Number(row[2]), 0.0);
      EXPECT_LE(Number(row[2]), 1.0);
      EXPECT_GT(Number(row[4]), 0.0);
      EXPECT_GE(Number(row[5]), 0.0);
      EXPECT_GT(Number(row[6]), 0.0);
    }
    const std::vector<std::string> loss = Row(demo.output, "pretraining loss");
    ASSERT_THAT(loss, SizeIs(8)) << demo.output;  // pretraining loss, first -> last: A -> B
    EXPECT_LT(Number(loss[7]), Number(loss[5])) << "the loss falls";
    EXPECT_THAT(ProgramsIn(folder_), IsEmpty());
    EXPECT_THAT(demo.errors, HasSubstr("everything is in " + folder_.string()));
    EXPECT_TRUE(std::filesystem::exists(folder_ / "worker" / "attempts" / "1.1" / "events.jsonl"));
  }

  TemporaryFolder parent_;
  const std::filesystem::path folder_ = parent_.path() / "demo";
};

TEST_F(DemoProgram, ComparesBothArmsOnSyntheticRecordings) { ExpectComparison(Demo({"--epochs", "3"})); }

TEST_F(DemoProgram, ComparesBothArmsOnRealRecordings) {
  const char* data = std::getenv("ECGTRAIN_DATA");
  if (data == nullptr) GTEST_SKIP() << "ECGTRAIN_DATA does not say where recordings are";
  const std::filesystem::path ptbxl = std::filesystem::path(data) / "mini" / "ptbxl";
  if (!std::filesystem::exists(ptbxl)) GTEST_SKIP() << "no " << ptbxl;
  const CommandResult demo = Demo({"--epochs", "1", "--ptbxl", ptbxl});
  ExpectComparison(demo);
  EXPECT_THAT(ReadFile(folder_ / "jobs.yaml").value_or(""), HasSubstr("dataset: ptbxl"));
}

TEST_F(DemoProgram, FolderThatIsNoPtbxlIsRefusedBeforeAnythingStarts) {
  const CommandResult demo = Demo({"--ptbxl", parent_.path()});
  EXPECT_EQ(demo.exit_code, 3);
  EXPECT_THAT(demo.errors, HasSubstr("ptbxl_database.csv"));
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

}  // namespace
}  // namespace ecgtrain::testing
