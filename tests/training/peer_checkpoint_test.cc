// A trained model.safetensors belongs to whoever trained it: Python opens it, and the peer's network takes it
// as its own. Needs the Python of ./dev bench parity (ECGTRAIN_PEER_PYTHON); skipped without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "absl/strings/str_join.h"
#include "tests/worker/train/attempt_fixture.h"
#include "worker/model/model_table.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

constexpr int64_t kPaperParameters = 18486720;
constexpr int kModuleMissing = 77;  // torch or safetensors

struct Answer {
  int exit_code = -1;
  std::string output;
};

// Words without quotes or spaces.
Answer RunPeer(const std::vector<std::string>& words) {
  const std::string command =
      absl::StrCat("'", getenv("ECGTRAIN_PEER_PYTHON"), "' ", absl::StrJoin(words, " "), " 2>&1");
  Answer answer;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return answer;
  char buffer[4096];
  while (const size_t bytes = fread(buffer, 1, sizeof buffer, pipe)) answer.output.append(buffer, bytes);
  const int status = pclose(pipe);
  answer.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return answer;
}

class PeerCheckpoint : public AttemptFixture {
 protected:
  void SetUp() override {
    if (getenv("ECGTRAIN_PEER_PYTHON") == nullptr) GTEST_SKIP() << "ECGTRAIN_PEER_PYTHON names no Python";
    script_ = Path(getenv("ECGTRAIN_SOURCE_DIR")) / "tests/training/open_checkpoint.py";
  }

  // Trains a model whose widths differ from level to level and lets the peer open it.
  Answer TrainAndOpen(const std::string& kind, const std::vector<int>& peer_widths) {
    Json spec = Spec(kind);
    spec["spec"]["model"]["channels"] = kWidths;
    spec["spec"]["model"]["kernel_size"] = 17;
    spec["spec"]["schedule"]["max_steps"] = 2;
    EXPECT_EQ(Run(spec, kind).reason, ExitReason::kCompleted);
    const Json manifest = Json::parse(*ReadFile(NewestCheckpoint(kind) / "manifest.json"));
    const size_t classes = manifest.contains("classes") ? manifest["classes"].size() : 0;
    return RunPeer({script_, kind, NewestCheckpoint(kind) / "model.safetensors", "256", absl::StrCat(classes),
                    "17", absl::StrJoin(peer_widths, " ")});
  }

  const std::vector<int> kWidths = {8, 12, 8, 16, 12};
  std::string script_;
};

TEST_F(PeerCheckpoint, AFinetunedModelOpensInPythonAndFitsThePeer) {
  const Answer answer = TrainAndOpen("finetune", kWidths);
  if (answer.exit_code == kModuleMissing) GTEST_SKIP() << answer.output;
  EXPECT_EQ(answer.exit_code, 0) << answer.output;
  EXPECT_THAT(answer.output, HasSubstr("output (1, "));
}

TEST_F(PeerCheckpoint, APretrainedModelOpensInPythonAndFitsThePeer) {
  const Answer answer = TrainAndOpen("pretrain", kWidths);
  if (answer.exit_code == kModuleMissing) GTEST_SKIP() << answer.output;
  EXPECT_EQ(answer.exit_code, 0) << answer.output;
  EXPECT_THAT(answer.output, HasSubstr("output (1, 12, 256)"));
  EXPECT_THAT(answer.output, HasSubstr(absl::StrCat(kPaperParameters, " parameters at paper widths")));
}

TEST_F(PeerCheckpoint, AnotherWidthIsSeen) {
  const Answer answer = TrainAndOpen("pretrain", {8, 12, 8, 16, 16});
  if (answer.exit_code == kModuleMissing) GTEST_SKIP() << answer.output;
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_THAT(answer.output,
              HasSubstr("bottleneck.conv1.weight: ours (12, 12, 17), the peer's (16, 16, 17)"));
}

// The peer says its own above.
TEST(PaperPreset, HasThePeersParameterCount) {
  ModelConfig config;
  ASSERT_TRUE(ApplyPreset("paper", config).ok());
  const auto network = MakePretrainingNetwork(config, {});
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_EQ((*network)->weights().ParameterCount(), kPaperParameters);
}

}  // namespace
}  // namespace ecgtrain
