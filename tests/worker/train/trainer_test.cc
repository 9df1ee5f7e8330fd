// Whole attempts of a very small model on the synthetic data set, above all: stopping anywhere and going on
// computes what an uninterrupted run computes, bit for bit.
#include "worker/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "tests/worker/train/fake_pack.h"
#include "worker/train/checkpoint.h"
#include "worker/train/safetensors.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;
using run_directory::ExitReason;
using testing::HasSubstr;

// Asks for a stop the n-th time it is asked.
class CountingControls final : public Controls {
 public:
  explicit CountingControls(int stop_at = std::numeric_limits<int>::max()) : stop_at_(stop_at) {}
  bool StopRequested() override { return ++calls >= stop_at_; }
  bool TakeCheckpointRequest() override { return false; }

  int calls = 0;

 private:
  int stop_at_;
};

class TrainerTest : public testing::Test {
 protected:
  Json Spec(const std::string& kind) {
    Json task = {{"dataset", "synthetic"}, {"signal", {{"rate", 100}, {"samples", 256}}}};
    if (kind != "pretrain") task["task"] = "rhythm";
    return {
        {"format", 1},
        {"job", 1},
        {"attempt", 1},
        {"token", 1},
        {"spec",
         {{kind, task},
          {"model", {{"preset", "tiny"}, {"channels", {8, 8, 8, 8, 8}}, {"kernel_size", 5}}},
          {"schedule", {{"epochs", 2}, {"batch_size", 16}, {"log_every", 3}, {"plateau", {{"patience", 1}}}}},
          {"precision", "fp32"}}},
        {"data", {{"type", "synthetic"}, {"records", 60}, {"cache", (base_.path() / "cache").string()}}},
        {"device", {{"kind", "cpu"}, {"threads", 1}}}};
  }

  Path Folder(const std::string& name) { return base_.path() / name; }

  TrainerExit Run(const Json& spec, const std::string& name, Controls& controls) {
    const Path file = base_.path() / (name + ".json");
    EXPECT_TRUE(WriteFileDurably(file, spec.dump()).ok());
    return RunTrainer(file, Folder(name), controls, clock_);
  }
  TrainerExit Run(const Json& spec, const std::string& name) {
    CountingControls controls;
    return Run(spec, name, controls);
  }

  std::vector<Json> Events(const std::string& name, const std::string& type) {
    std::vector<Json> events;
    const std::string content = *ReadFile(Folder(name) / "events.jsonl");
    for (const absl::string_view line : absl::StrSplit(content, '\n', absl::SkipEmpty())) {
      Json event = Json::parse(line);
      if (event["type"] != type) continue;
      event.erase("seq");
      event.erase("time");
      events.push_back(event);
    }
    return events;
  }

  Path NewestCheckpoint(const std::string& name) {
    const Path folder = Folder(name) / "checkpoints";
    const std::vector<uint64_t> steps = ListCheckpoints(folder);
    EXPECT_FALSE(steps.empty());
    return folder / run_directory::CheckpointName(steps.empty() ? 0 : steps[0]);
  }

  // All that a run computed: its last weights and optimizer, every metric, the result.
  std::string Outcome(const std::string& name) {
    std::string outcome;
    for (const char* file : {"model.safetensors", "optimizer.safetensors", "state.json"}) {
      absl::StrAppend(&outcome, file, " ", DigestFile(NewestCheckpoint(name) / file)->sha256, "\n");
    }
    for (const char* type : {"metrics", "result"}) {
      for (const Json& event : Events(name, type)) absl::StrAppend(&outcome, event.dump(), "\n");
    }
    return outcome;
  }

  // A pretrained checkpoint in `name`/inputs/parent.
  void GiveParent(const std::string& name) {
    ASSERT_EQ(Run(Spec("pretrain"), "parent").reason, ExitReason::kCompleted);
    std::filesystem::create_directories(Folder(name) / "inputs");
    std::filesystem::copy(NewestCheckpoint("parent"), Folder(name) / "inputs/parent");
  }

  void FlipByte(const Path& file) {
    std::string content = *ReadFile(file);
    content[content.size() / 2] ^= 1;
    ASSERT_TRUE(WriteFileDurably(file, content).ok());
  }

  TemporaryFolder base_;
  FakeClock clock_;
};

class ResumeTest : public TrainerTest, public testing::WithParamInterface<const char*> {};

TEST_P(ResumeTest, StoppingAnywhereAndGoingOnChangesNoBit) {
  const Json spec = Spec(GetParam());
  ASSERT_EQ(Run(spec, "packs").reason, ExitReason::kCompleted);  // packing asks for a stop, too
  CountingControls uninterrupted;
  const TrainerExit end = Run(spec, "whole", uninterrupted);
  ASSERT_EQ(end.reason, ExitReason::kCompleted) << end.message;
  const std::string expected = Outcome("whole");
  ASSERT_GE(uninterrupted.calls, 8);
  for (int stop_at = 1; stop_at <= uninterrupted.calls; ++stop_at) {
    const std::string name = absl::StrCat("stopped-", stop_at);
    CountingControls controls(stop_at);
    ASSERT_EQ(Run(spec, name, controls).reason, ExitReason::kStopped) << stop_at;
    ASSERT_EQ(Run(spec, name).reason, ExitReason::kCompleted) << stop_at;
    EXPECT_EQ(Outcome(name), expected) << stop_at;
  }
}

TEST_P(ResumeTest, ManyProcessesOfOneStepEachChangeNoBit) {
  const Json spec = Spec(GetParam());
  ASSERT_EQ(Run(spec, "whole").reason, ExitReason::kCompleted);
  TrainerExit end;
  uint64_t last_step = 0;
  for (int i = 0; i < 40 && end.reason != ExitReason::kCompleted; ++i) {
    // The second time it is asked: a pass over the validation or test set that is stopped at once starts
    // anew.
    CountingControls controls(last_step == end.step ? 2 + i : 2);
    last_step = end.step;
    end = Run(spec, "steps", controls);
    ASSERT_TRUE(end.reason == ExitReason::kStopped || end.reason == ExitReason::kCompleted) << end.message;
  }
  ASSERT_EQ(end.reason, ExitReason::kCompleted);
  EXPECT_EQ(Outcome("steps"), Outcome("whole"));
}

INSTANTIATE_TEST_SUITE_P(Tasks, ResumeTest, testing::Values("pretrain", "finetune"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(TrainerTest, GoesOnFromInputsResumeInANewDirectory) {
  Json spec = Spec("finetune");
  ASSERT_EQ(Run(spec, "whole").reason, ExitReason::kCompleted);
  CountingControls controls(3);
  ASSERT_EQ(Run(spec, "first", controls).reason, ExitReason::kStopped);
  std::filesystem::create_directories(Folder("second") / "inputs");
  std::filesystem::copy(NewestCheckpoint("first"), Folder("second") / "inputs/resume");
  spec["inputs"]["resume"] = "inputs/resume";
  ASSERT_EQ(Run(spec, "second").reason, ExitReason::kCompleted);
  EXPECT_EQ(Events("second", "phase").at(1)["resumed_step"], 3);
  EXPECT_EQ(Events("second", "result"), Events("whole", "result"));
}

TEST_F(TrainerTest, FallsBackToAnOlderCheckpointWhenTheNewestIsDamaged) {
  const Json spec = Spec("pretrain");
  ASSERT_EQ(Run(spec, "whole").reason, ExitReason::kCompleted);
  for (const int stop_at : {1, 1}) {
    CountingControls controls(stop_at);
    ASSERT_EQ(Run(spec, "damaged", controls).reason, ExitReason::kStopped);
  }
  ASSERT_EQ(ListCheckpoints(Folder("damaged") / "checkpoints").size(), 2u);
  FlipByte(NewestCheckpoint("damaged") / "model.safetensors");
  ASSERT_EQ(Run(spec, "damaged").reason, ExitReason::kCompleted);
  const std::vector<Json> warnings = Events("damaged", "warning");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0]["code"], "CHECKPOINT_CORRUPT");
  EXPECT_THAT(warnings[0]["message"].get<std::string>(), HasSubstr("step-000000002/model.safetensors"));
  EXPECT_EQ(Events("damaged", "result"), Events("whole", "result"));
}

TEST_F(TrainerTest, TakesTheEncoderOfItsParentAndAFrozenOneStaysAsItIs) {
  Json spec = Spec("finetune");
  spec["inputs"]["parent"] = "inputs/parent";
  spec["spec"]["finetune"]["freeze_encoder"] = true;
  GiveParent("child");
  const TrainerExit end = Run(spec, "child");
  ASSERT_EQ(end.reason, ExitReason::kCompleted) << end.message;
  const auto parent = SafetensorsFile::Open(NewestCheckpoint("parent") / "model.safetensors");
  const auto child = SafetensorsFile::Open(NewestCheckpoint("child") / "model.safetensors");
  int compared = 0;
  for (const TensorBytes& tensor : (*child)->tensors()) {
    for (const TensorBytes& original : (*parent)->tensors()) {
      if (original.name != tensor.name) continue;
      EXPECT_EQ(original.bytes, tensor.bytes) << tensor.name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 5 + 4 * 11);  // stem and four blocks, all their tensors
}

TEST_F(TrainerTest, ADamagedParentIsNamed) {
  Json spec = Spec("finetune");
  spec["inputs"]["parent"] = "inputs/parent";
  for (const char* file : {"model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"}) {
    const std::string name = absl::StrCat("child-", file);
    GiveParent(name);
    FlipByte(Folder(name) / "inputs/parent" / file);
    const TrainerExit end = Run(spec, name);
    EXPECT_EQ(end.reason, ExitReason::kCheckpointCorrupt);
    EXPECT_THAT(end.message, HasSubstr(absl::StrCat("inputs/parent/", file)));
  }
  const TrainerExit end = Run(spec, "orphan");
  EXPECT_EQ(end.reason, ExitReason::kDataMissing);
}

TEST_F(TrainerTest, EvaluationRepeatsTheScoresOfTheBestCheckpoint) {
  ASSERT_EQ(Run(Spec("finetune"), "tuned").reason, ExitReason::kCompleted);
  std::optional<std::string> best;
  for (const Json& event : Events("tuned", "checkpoint")) {
    if (event["best"]) best = event["name"].get<std::string>();
  }
  ASSERT_TRUE(best.has_value());
  std::filesystem::create_directories(Folder("scored") / "inputs");
  std::filesystem::copy(Folder("tuned") / "checkpoints" / *best, Folder("scored") / "inputs/parent");
  Json spec = Spec("evaluate");
  spec["inputs"]["parent"] = "inputs/parent";
  spec["spec"]["schedule"]["batch_size"] = 16;
  const TrainerExit end = Run(spec, "scored");
  ASSERT_EQ(end.reason, ExitReason::kCompleted) << end.message;
  EXPECT_EQ(Events("scored", "result"), Events("tuned", "result"));
  EXPECT_EQ(*ReadFile(Folder("scored") / "artifacts/predictions.csv"),
            *ReadFile(Folder("tuned") / "artifacts/predictions.csv"));
  EXPECT_EQ(Events("scored", "artifact").at(0)["sha256"],
            DigestFile(Folder("scored") / "artifacts/predictions.csv")->sha256);
}

TEST_F(TrainerTest, EvaluationRefusesAPretrainingAndOtherClasses) {
  Json spec = Spec("evaluate");
  spec["inputs"]["parent"] = "inputs/parent";
  GiveParent("scored");
  EXPECT_EQ(Run(spec, "scored").reason, ExitReason::kUserError);
  ASSERT_EQ(Run(Spec("finetune"), "tuned").reason, ExitReason::kCompleted);
  std::filesystem::create_directories(Folder("other") / "inputs");
  std::filesystem::copy(NewestCheckpoint("tuned"), Folder("other") / "inputs/parent");
  spec["spec"]["evaluate"]["task"] = "all";
  EXPECT_THAT(Run(spec, "other").message, HasSubstr("classes"));
}

TEST_F(TrainerTest, RefusesFoldsWithoutRecords) {
  Json spec = Spec("finetune");
  spec["data"]["records"] = 10;
  spec["spec"]["finetune"]["folds"] = {{"train", {1, 2}}, {"validation", {3}}, {"test", {10}}};
  spec["spec"]["finetune"]["label_fraction"] = 0.5;
  const TrainerExit end = Run(spec, "a");
  if (end.reason == ExitReason::kCompleted)
    GTEST_SKIP() << "the synthetic set fills fold 10 with 20 records already";
  EXPECT_EQ(end.reason, ExitReason::kUserError);
  EXPECT_THAT(end.message, HasSubstr("the set has folds"));
}

TEST_F(TrainerTest, SaysInExitJsonAndInAnErrorEventWhatIsWrong) {
  Json spec = Spec("pretrain");
  spec["spec"]["schedule"]["epoch"] = 3;
  EXPECT_EQ(Run(spec, "a").reason, ExitReason::kUserError);
  const Json exit = Json::parse(*ReadFile(Folder("a") / "exit.json"));
  EXPECT_EQ(exit["outcome"], "FAILED");
  EXPECT_EQ(exit["reason"], "USER_ERROR");
  EXPECT_THAT(exit["message"].get<std::string>(), HasSubstr("did you mean \"epochs\"?"));
  EXPECT_EQ(Events("a", "error").at(0)["reason"], "USER_ERROR");

  spec = Spec("pretrain");
  spec["data"] = {{"pack", (base_.path() / "none.pack").string()}};
  EXPECT_EQ(Run(spec, "b").reason, ExitReason::kDataMissing);
  spec = Spec("pretrain");
  spec["spec"]["precision"] = "tf32";
  EXPECT_EQ(Run(spec, "c").reason, ExitReason::kUserError);
}

TEST_F(TrainerTest, Bfloat16TrainsAndResumesWithoutChangingABit) {
  Json spec = Spec("pretrain");
  spec["spec"]["precision"] = "bf16";
  ASSERT_EQ(Run(spec, "whole").reason, ExitReason::kCompleted);
  EXPECT_EQ(Events("whole", "phase").at(1)["precision"], "bf16");
  CountingControls controls(3);
  ASSERT_EQ(Run(spec, "stopped", controls).reason, ExitReason::kStopped);
  ASSERT_EQ(Run(spec, "stopped").reason, ExitReason::kCompleted);
  EXPECT_EQ(Outcome("stopped"), Outcome("whole"));
}

TEST_F(TrainerTest, StopsAtMaxSteps) {
  Json spec = Spec("pretrain");
  spec["spec"]["schedule"]["max_steps"] = 5;
  const TrainerExit end = Run(spec, "a");
  EXPECT_EQ(end.reason, ExitReason::kCompleted);
  EXPECT_EQ(end.step, 5u);
  EXPECT_EQ(Events("a", "checkpoint").back()["step"], 5);
}

TEST(SignalControls, FetchesWhatCameSinceTheLastCall) {
  SignalControls controls;
  EXPECT_FALSE(controls.StopRequested());
  EXPECT_FALSE(controls.TakeCheckpointRequest());
  raise(SIGUSR1);
  EXPECT_FALSE(controls.StopRequested());
  EXPECT_TRUE(controls.TakeCheckpointRequest());
  EXPECT_FALSE(controls.TakeCheckpointRequest());
  raise(SIGTERM);
  EXPECT_TRUE(controls.StopRequested());
  EXPECT_TRUE(controls.StopRequested());
}

}  // namespace
}  // namespace ecgtrain
