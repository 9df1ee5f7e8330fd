// Whole attempts of a very small model on the synthetic data set: what they need, do and say.
#include "worker/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "tests/worker/train/attempt_fixture.h"
#include "worker/train/safetensors.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

using TrainerTest = AttemptFixture;

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

TEST_F(TrainerTest, SaysHowItsParentsSignalsWerePrepared) {
  GiveParent("same");
  std::filesystem::create_directories(Folder("other") / "inputs");
  std::filesystem::copy(Folder("same") / "inputs/parent", Folder("other") / "inputs/parent");
  Json spec = Spec("finetune");
  spec["inputs"] = {{"parent", "inputs/parent"}};
  ASSERT_EQ(Run(spec, "same").reason, ExitReason::kCompleted);
  EXPECT_TRUE(Events("same", "warning").empty());
  spec["spec"]["finetune"]["signal"]["align"] = "start";
  ASSERT_EQ(Run(spec, "other").reason, ExitReason::kCompleted);
  const std::vector<Json> warnings = Events("other", "warning");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0]["code"], "OTHER_SIGNAL");
  EXPECT_EQ(
      warnings[0]["message"],
      "the parent was trained on signals prepared in another way: align \"middle\" there, \"start\" here");
}

TEST_F(TrainerTest, ADamagedParentIsNamed) {
  Json spec = Spec("finetune");
  spec["inputs"]["parent"] = "inputs/parent";
  for (const char* file :
       {"model.safetensors", "optimizer.safetensors", "state.json", "seen.safetensors", "manifest.json"}) {
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

TEST_F(TrainerTest, AugmentationChangesWhatIsTrainedOnAndNothingThatIsMeasured) {
  const Json plain = Spec("pretrain");
  ASSERT_EQ(Run(plain, "plain").reason, ExitReason::kCompleted);
  ASSERT_EQ(Run(Augmented(plain, "pretrain"), "augmented").reason, ExitReason::kCompleted);
  EXPECT_NE((Metrics("plain")[{3, "train/loss"}]), (Metrics("augmented")[{3, "train/loss"}]));
  EXPECT_EQ(Events("plain", "result").at(0)["values"]["validation/loss_of_zeros"],
            Events("augmented", "result").at(0)["values"]["validation/loss_of_zeros"]);
}

// An evaluation knows no augmentation: on the validation fold it repeats the last validation of the training,
// also where the records, of 1,000 samples, leave a choice of places.
TEST_F(TrainerTest, ValidationSeesRecordsAsAnEvaluationDoes) {
  const Json signal = {{"rate", 100}, {"samples", 1024}, {"align", "start"}};
  Json spec = Augmented(Spec("finetune"), "finetune");
  spec["spec"]["finetune"]["signal"] = signal;
  const TrainerExit end = Run(spec, "tuned");
  ASSERT_EQ(end.reason, ExitReason::kCompleted) << end.message;
  std::filesystem::create_directories(Folder("scored") / "inputs");
  std::filesystem::copy(NewestCheckpoint("tuned"), Folder("scored") / "inputs/parent");
  Json evaluate = Spec("evaluate");
  evaluate["inputs"]["parent"] = "inputs/parent";
  evaluate["spec"]["schedule"]["batch_size"] = 16;
  evaluate["spec"]["allow_leakage"] = true;
  evaluate["spec"]["evaluate"]["signal"] = signal;
  evaluate["spec"]["evaluate"]["folds"]["test"] = {9};
  ASSERT_EQ(Run(evaluate, "scored").reason, ExitReason::kCompleted);
  EXPECT_EQ(Events("scored", "result").at(0)["values"]["test/loss"],
            (Metrics("tuned")[{end.step, "validation/loss"}]));
}

TEST_F(TrainerTest, ACheckpointOfAnotherAlignmentIsRefused) {
  Json spec = Spec("pretrain");
  CountingControls controls(3);
  ASSERT_EQ(Run(spec, "a", controls).reason, ExitReason::kStopped);
  spec["spec"]["pretrain"]["signal"]["align"] = "start";
  const TrainerExit end = Run(spec, "a");
  EXPECT_EQ(end.reason, ExitReason::kUserError);
  EXPECT_THAT(end.message, HasSubstr("another signal"));
  ASSERT_EQ(Run(spec, "b").reason, ExitReason::kCompleted);
}

TEST_F(TrainerTest, TheLastProgressOfATrainingIsOfItsLastStep) {
  for (const char* kind : {"pretrain", "finetune"}) {
    const TrainerExit end = Run(Spec(kind), kind);
    ASSERT_EQ(end.reason, ExitReason::kCompleted) << end.message;
    const Json last = Events(kind, "progress").back();
    EXPECT_EQ(last["step"], end.step);
    EXPECT_EQ(last["total_steps"], end.step);
    EXPECT_EQ(last["epoch"], 2);
    EXPECT_EQ(last["epochs"], 2);
  }
}

TEST_F(TrainerTest, PackingAndTestingReportProgress) {
  ASSERT_EQ(Run(Spec("finetune"), "tuned").reason, ExitReason::kCompleted);
  const Json packing = Events("tuned", "progress").front();
  EXPECT_EQ(packing["total"], 60);
  EXPECT_EQ(packing["step"], 0);

  std::filesystem::create_directories(Folder("scored") / "inputs");
  std::filesystem::copy(NewestCheckpoint("tuned"), Folder("scored") / "inputs/parent");
  Json spec = Spec("evaluate");
  spec["inputs"]["parent"] = "inputs/parent";
  ASSERT_EQ(Run(spec, "scored").reason, ExitReason::kCompleted);
  const Json tested = Events("scored", "progress").back();
  EXPECT_GT(tested["total"], 0);
  EXPECT_EQ(tested["done"], tested["total"]);
  EXPECT_EQ(tested["step"], tested["total_steps"]);
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
