#include "client/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/durable_file.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] =
    "profile: lab\n"
    "profiles:\n"
    "  lab: {server: 'lab:1', ca: ca.pem, token_file: /secret/lab.token}\n"
    "  home: {server: 'home:2', insecure: true}\n";

class ProfileTest : public testing::Test {
 protected:
  std::filesystem::path WriteProfiles(const std::string& content, int mode = 0600) {
    const std::filesystem::path path = folder_.path() / "ecgctl/config.yaml";
    EXPECT_TRUE(MakeDirectories(path.parent_path()).ok());
    EXPECT_TRUE(WriteFileDurably(path, content, mode).ok());
    return path;
  }

  absl::StatusOr<ClientOptions> Resolve(const ConnectionFlags& flags) {
    variables_["XDG_CONFIG_HOME"] = folder_.path();
    return ResolveConnection(flags, [this](const std::string& name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::string() : found->second;
    });
  }

  TemporaryFolder folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(ProfileTest, WithoutAnythingTheCoordinatorIsOnThisHost) {
  const auto options = Resolve({});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->server, "127.0.0.1:7443");
  EXPECT_EQ(options->token_file, "");
}

TEST_F(ProfileTest, DefaultProfileGivesServerAndCredentials) {
  WriteProfiles(kFile);
  const auto options = Resolve({});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->server, "lab:1");
  EXPECT_EQ(options->ca_file, (folder_.path() / "ecgctl/ca.pem").string());
  EXPECT_EQ(options->token_file, "/secret/lab.token");
}

TEST_F(ProfileTest, FlagGoesBeforeVariableBeforeProfile) {
  WriteProfiles(kFile);
  variables_["ECGCTL_PROFILE"] = "lab";
  EXPECT_EQ(Resolve({})->server, "lab:1");
  variables_["ECGCTL_SERVER"] = "variable:3";
  variables_["ECGCTL_TOKEN_FILE"] = "/variable.token";
  EXPECT_EQ(Resolve({})->server, "variable:3");
  EXPECT_EQ(Resolve({})->token_file, "/variable.token");
  ConnectionFlags flags;
  flags.server = "flag:4";
  flags.token_file = "/flag.token";
  flags.profile = "home";
  EXPECT_EQ(Resolve(flags)->server, "flag:4");
  EXPECT_EQ(Resolve(flags)->token_file, "/flag.token");
  EXPECT_TRUE(Resolve(flags)->insecure);
}

TEST_F(ProfileTest, ServerNamedByHandGetsNoTokenOfTheDefaultProfile) {
  WriteProfiles(kFile);
  ConnectionFlags flags;
  flags.server = "stranger:1";
  EXPECT_EQ(Resolve(flags)->token_file, "");
}

TEST_F(ProfileTest, FileThatOthersMayReadIsRefused) {
  const auto path = WriteProfiles(kFile, 0640);
  EXPECT_TRUE(absl::IsPermissionDenied(ReadProfileFile(path).status()));
  const auto options = Resolve({});
  EXPECT_TRUE(absl::IsInvalidArgument(options.status()));
  EXPECT_THAT(std::string(options.status().message()), HasSubstr("chmod 600"));
}

TEST_F(ProfileTest, UnknownProfileNamesTheNearestOne) {
  WriteProfiles(kFile);
  ConnectionFlags flags;
  flags.profile = "hone";
  EXPECT_THAT(std::string(Resolve(flags).status().message()), HasSubstr("did you mean \"home\""));
}

TEST_F(ProfileTest, FaultsAreNamedWithTheirLine) {
  for (const auto& [content, expected] : std::map<std::string, std::string>{
           {"profiles:\n  lab: {servr: x}\n", "line 2: unknown key \"servr\"; did you mean \"server\""},
           {"profiles:\n  lab: [a]\n", "line 2: a profile is a map"},
           {"profiles: 3\n", "line 1: \"profiles\" is a map"},
           {"profile: {a: b}\n", "line 1: \"profile\" must be one value"},
           {"profiles: {lab: {insecure: perhaps}}\n", "line 1: \"insecure\" is true or false"},
           {"profiles: {lab: {server: \n", "line 2"},
           {"- 1\n", "expected the keys"},
           {"{[a]: b}\n", "line 1"}}) {
    const auto file = ReadProfileFile(WriteProfiles(content));
    ASSERT_TRUE(absl::IsInvalidArgument(file.status())) << content << file.status();
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(expected)) << content;
  }
}

}  // namespace
}  // namespace ecgtrain
