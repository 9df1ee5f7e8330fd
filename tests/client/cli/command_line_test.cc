#include "client/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_split.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CommandLineTest : public testing::Test {
 protected:
  ParsedCommandLine Parse(const std::vector<std::string>& words) {
    auto parsed = ParseCommandLine(commands_, words);
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    return parsed.ok() ? *parsed : ParsedCommandLine();
  }

  std::string Error(const std::vector<std::string>& words) {
    const absl::Status status = ParseCommandLine(commands_, words).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  const std::vector<Command> commands_ = AllCommands();
};

TEST_F(CommandLineTest, FindsCommandAndArguments) {
  const ParsedCommandLine parsed =
      Parse({"job", "submit", "-f", "-", "--set", "a.b=1", "--set", "c=2", "--hold", "--max-wait", "5m"});
  ASSERT_NE(parsed.command, nullptr);
  EXPECT_EQ(parsed.command->path, "job submit");
  EXPECT_EQ(parsed.arguments.Get("--file"), "-");
  EXPECT_THAT(parsed.arguments.All("--set"), ElementsAre("a.b=1", "c=2"));
  EXPECT_TRUE(parsed.arguments.Has("--hold"));
  EXPECT_FALSE(parsed.arguments.Has("--wait"));
  EXPECT_EQ(parsed.arguments.Duration("--max-wait"), absl::Minutes(5));
}

TEST_F(CommandLineTest, GlobalOptionsStandAnywhere) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-o", "json", "job", "get", "1", "2"},
        {"job", "get", "1", "2", "-o", "json"}}) {
    const ParsedCommandLine parsed = Parse(words);
    EXPECT_EQ(parsed.arguments.Get("--output"), "json");
    EXPECT_THAT(parsed.arguments.All("JOB"), ElementsAre("1", "2"));
  }
}

TEST_F(CommandLineTest, ShortWordsMeanTheirCommands) {
  for (const auto& [words, path] :
       std::vector<std::pair<std::string, std::string>>{{"submit -f x", "job submit"},
                                                        {"ps", "ps"},
                                                        {"logs 1", "job logs"},
                                                        {"top 1", "job watch"},
                                                        {"kill 1", "job cancel"}}) {
    EXPECT_EQ(Parse(absl::StrSplit(words, ' ')).command->path, path);
  }
}

TEST_F(CommandLineTest, SlipsAreNamedWithTheNearestWord) {
  EXPECT_THAT(Error({"jbo"}), HasSubstr("unknown command \"jbo\"; did you mean \"job\"?; see ecgctl --help"));
  EXPECT_THAT(Error({"-o", "json", "job", "lst"}),
              HasSubstr("\"lst\"; did you mean \"list\"?; see ecgctl job --help"));
  EXPECT_THAT(Error({"ps", "-o", "jsn"}), HasSubstr("did you mean \"json\""));
  EXPECT_THAT(Error({"job", "list", "--limit", "many"}), HasSubstr("not a whole number"));
  EXPECT_THAT(Error({"job", "list", "--since", "7"}), HasSubstr("--since"));
  EXPECT_THAT(Error({"job", "get"}), HasSubstr("JOB is required"));
  EXPECT_THAT(Error({"job", "list", "--everything"}), HasSubstr("--everything"));
  EXPECT_THAT(Error({}), HasSubstr("ecgctl --help"));
}

TEST_F(CommandLineTest, HelpOfACommandListsItsOptions) {
  EXPECT_THAT(Parse({"--help"}).text, HasSubstr("checkpoint"));
  EXPECT_THAT(Parse({"job", "submit", "--help"}).text, HasSubstr("--request-id"));
  EXPECT_EQ(Parse({"--version"}).text, "ecgctl " ECGTRAIN_VERSION "\n");
}

TEST_F(CommandLineTest, EveryCommandHasHelpAndItsOwnPath) {
  std::set<std::string> paths;
  for (const Command& command : commands_) {
    EXPECT_TRUE(paths.insert(command.path).second) << command.path;
    EXPECT_TRUE(command.path.substr(0, 2) == "__" || !command.help.empty()) << command.path;
    EXPECT_NE(command.run, nullptr) << command.path;
  }
}

}  // namespace
}  // namespace ecgtrain
