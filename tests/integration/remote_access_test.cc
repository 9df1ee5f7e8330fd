// Access from another host: a coordinator with TLS and tokens in one network namespace, a person in a second
// one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "tests/integration/process.h"

namespace ecgtrain::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kIp[] = "/usr/sbin/ip";
constexpr char kServerAddress[] = "10.231.77.1";
constexpr char kClientAddress[] = "10.231.77.2";

// Two namespaces joined by one cable; nothing of the host's own network is touched.
class RemoteAccess : public ::testing::Test {
 protected:
  RemoteAccess()
      : name_(NewUuid().substr(0, 8)),
        folder_(std::filesystem::path(::testing::TempDir()) / absl::StrCat("remote-", name_)),
        server_(absl::StrCat("ecg-s-", name_)),
        client_(absl::StrCat("ecg-c-", name_)) {}

  void SetUp() override {
    if (geteuid() != 0 || !std::filesystem::exists(kIp))
      GTEST_SKIP() << "needs root and iproute2 for namespaces";
    ASSERT_TRUE(MakeDirectories(folder_).ok());
    if (RunCommand({kIp, "netns", "add", server_}).exit_code != 0) {
      GTEST_SKIP() << "network namespaces are not allowed here";
    }
    Ip({"netns", "add", client_});
    Ip({"link", "add", "uplink", "netns", server_, "type", "veth", "peer", "name", "uplink", "netns",
        client_});
    for (const auto& [space, address] :
         {std::pair(server_, kServerAddress), std::pair(client_, kClientAddress)}) {
      Ip({"-n", space, "addr", "add", absl::StrCat(address, "/30"), "dev", "uplink"});
      Ip({"-n", space, "link", "set", "uplink", "up"});
      Ip({"-n", space, "link", "set", "lo", "up"});
    }
  }

  void TearDown() override {
    worker_.reset();
    coordinator_.reset();
    if (geteuid() != 0) return;
    RunCommand({kIp, "netns", "del", client_});
    RunCommand({kIp, "netns", "del", server_});
    if (!HasFailure()) std::filesystem::remove_all(folder_);
  }

  void Ip(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kIp);
    const CommandResult result = RunCommand(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.errors;
  }

  std::vector<std::string> In(const std::string& space, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {kIp, "netns", "exec", space});
    return arguments;
  }

  std::filesystem::path State() const { return folder_ / "coordinator"; }

  void StartLab() {
    const CommandResult init = RunCommand({Program("ecg-coordinator"), "init", "--state-dir", State(),
                                           "--tls-hosts", absl::StrCat(kServerAddress, ",localhost")});
    ASSERT_EQ(init.exit_code, 0) << init.errors;
    coordinator_ = std::make_unique<Process>(
        In(server_, {Program("ecg-coordinator"), "serve", "--state-dir", State(), "--listen",
                     absl::StrCat(kServerAddress, ":0"), "--no-metrics"}),
        folder_ / "coordinator.log");
    const auto address = AwaitFile(State() / "address");
    ASSERT_TRUE(address.ok()) << ReadFile(folder_ / "coordinator.log").value_or("");
    address_ = std::string(absl::StripAsciiWhitespace(*address));
    worker_ = std::make_unique<Process>(
        In(server_, {Program("ecg-worker"), "--server", address_, "--name", "gpu-server", "--state-dir",
                     folder_ / "worker", "--ca", State() / "tls" / "ca.pem", "--token-file",
                     State() / "worker.token"}),
        folder_ / "worker.log");
  }

  // ecgctl in the client's namespace.
  CommandResult Ecgctl(std::vector<std::string> arguments, const std::string& token_file,
                       const std::string& input = "") {
    std::vector<std::string> command = {"/usr/bin/env",
                                        absl::StrCat("ECGCTL_CA=", (State() / "tls" / "ca.pem").string()),
                                        absl::StrCat("ECGCTL_TOKEN_FILE=", token_file),
                                        Program("ecgctl"),
                                        "--server",
                                        address_};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunCommand(In(client_, command), input);
  }

  const std::string name_;
  const std::filesystem::path folder_;
  const std::string server_;
  const std::string client_;
  std::string address_;
  std::unique_ptr<Process> coordinator_;
  std::unique_ptr<Process> worker_;
};

TEST_F(RemoteAccess, JobIsSubmittedAndFollowedOverTls) {
  StartLab();
  const CommandResult run = Ecgctl({"job", "submit", "-f", "-", "--wait"}, State() / "admin.token",
                                   "pretrain: {dataset: synthetic}\nmodel: {preset: tiny}\n"
                                   "schedule: {epochs: 1, batch_size: 64}\n");
  EXPECT_EQ(run.exit_code, 0) << run.errors << ReadFile(folder_ / "worker.log").value_or("");
  const CommandResult logs = Ecgctl({"job", "logs", "@last"}, State() / "admin.token");
  EXPECT_EQ(logs.exit_code, 0) << logs.errors;
  worker_->Signal(SIGTERM);
  EXPECT_EQ(worker_->Wait(), 0);
}

TEST_F(RemoteAccess, WrongTokenIsDenied) {
  StartLab();
  ASSERT_TRUE(WriteFileDurably(folder_ / "wrong.token", NewSecret(), 0600).ok());
  const CommandResult denied = Ecgctl({"job", "list"}, folder_ / "wrong.token");
  EXPECT_EQ(denied.exit_code, 4);
  EXPECT_EQ(denied.output, "");
  EXPECT_THAT(denied.errors, HasSubstr("token"));
}

TEST_F(RemoteAccess, PlainTextOffLoopbackIsRefusedWithoutInsecure) {
  const CommandResult refused =
      RunCommand(In(server_, {Program("ecg-coordinator"), "serve", "--state-dir", folder_ / "plain",
                              "--listen", absl::StrCat(kServerAddress, ":0"), "--no-metrics"}));
  EXPECT_EQ(refused.exit_code, 2) << refused.errors;
  EXPECT_THAT(refused.errors, HasSubstr("--insecure"));
}

}  // namespace
}  // namespace ecgtrain::testing
