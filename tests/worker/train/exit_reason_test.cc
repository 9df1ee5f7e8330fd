// Every reason that a trainer gives for its end (service.md section 4, F1, F18, F20), from a cause as in real
// life to exit.json, whose code is the process's own.
#include <ATen/core/Tensor.h>
#include <ATen/ops/full_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/worker/train/attempt_fixture.h"
#include "tests/worker/train/failing_calls.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

constexpr size_t kSmallBlock = 50'000;  // bytes; a batch is larger

class ExitReasonTest : public AttemptFixture {
 protected:
  void ExpectExit(const TrainerExit& end, const std::string& name, int code, const std::string& reason,
                  const std::string& said) {
    EXPECT_EQ(static_cast<int>(end.reason), code) << end.message;
    EXPECT_THAT(end.message, HasSubstr(said));
    const Json exit = Json::parse(*ReadFile(Folder(name) / "exit.json"));
    EXPECT_EQ(exit["reason"], reason);
    EXPECT_EQ(exit["message"], end.message);
    EXPECT_EQ(exit["step"], end.step);
    if (code < 20) return;
    ASSERT_FALSE(Events(name, "error").empty());
    EXPECT_EQ(Events(name, "error").back()["reason"], reason);
  }

  TrainerExit RunWithAllocator(const std::string& name, FailingAllocator::Kind kind,
                               const std::string& message) {
    const Json spec = Spec("pretrain");
    EXPECT_EQ(Run(spec, "packs").reason, ExitReason::kCompleted);
    const FailingAllocator failing(kSmallBlock, kind, message);
    return Run(spec, name);
  }

  // A pretrained parent none of whose weights is a number.
  void GiveNonFiniteParent(const std::string& name) {
    GiveParent(name);
    auto checkpoint = ReadCheckpoint(Folder(name) / "inputs/parent");
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    for (NamedTensor& entry : checkpoint->model) {
      entry.tensor = at::full_like(entry.tensor, std::numeric_limits<double>::quiet_NaN());
    }
    const Path inputs = Folder(name) / "inputs";
    std::filesystem::remove_all(inputs / "parent");
    ASSERT_TRUE(WriteCheckpoint(inputs, *checkpoint).ok());
    const std::vector<uint64_t> steps = ListCheckpoints(inputs);
    ASSERT_EQ(steps.size(), 1u);
    std::filesystem::rename(inputs / run_directory::CheckpointName(steps[0]), inputs / "parent");
  }
};

TEST_F(ExitReasonTest, CompletedAndStopped) {
  ExpectExit(Run(Spec("pretrain"), "a"), "a", 0, "COMPLETED", "");
  CountingControls controls(2);
  ExpectExit(Run(Spec("pretrain"), "b", controls), "b", 10, "STOPPED", "stopped at step 2");
}

TEST_F(ExitReasonTest, ASpecificationThatOnlyTheDataDisproves) {
  Json spec = Spec("finetune");
  spec["spec"]["finetune"]["task"] = "form";
  ExpectExit(Run(spec, "a"), "a", 20, "USER_ERROR", "form");
}

TEST_F(ExitReasonTest, AsManyNonFiniteStepsInARowAsTheSpecificationBears) {
  Json spec = Spec("finetune");
  GiveNonFiniteParent("a");
  spec["inputs"]["parent"] = "inputs/parent";
  spec["spec"]["non_finite_limit"] = 4;
  spec["spec"]["schedule"]["log_every"] = 1;
  const TrainerExit end = Run(spec, "a");
  ExpectExit(end, "a", 21, "NON_FINITE", "not finite for 4 steps in a row up to step 4");
  EXPECT_EQ(end.step, 4u);
}

TEST_F(ExitReasonTest, TheAllocatorOfAGpuHasNoMemoryLeft) {
  using Kind = FailingAllocator::Kind;
  ExpectExit(RunWithAllocator("a", Kind::kOutOfMemory, "CUDA out of memory. Tried to allocate 2.00 GiB."),
             "a", 22, "OOM_GPU", "Tried to allocate 2.00 GiB");
  ExpectExit(
      RunWithAllocator("b", Kind::kError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
      "b", 22, "OOM_GPU", "CUBLAS_STATUS_ALLOC_FAILED");
}

TEST_F(ExitReasonTest, DataThatIsNotThere) {
  Json spec = Spec("pretrain");
  spec["data"] = {{"pack", (base_.path() / "none.pack").string()}};
  ExpectExit(Run(spec, "a"), "a", 23, "DATA_MISSING", "none.pack");
  spec["data"] = {
      {"type", "ptbxl"}, {"path", (base_.path() / "ptbxl").string()}, {"cache", base_.path().string()}};
  ExpectExit(Run(spec, "b"), "b", 23, "DATA_MISSING", "ptbxl");
}

TEST_F(ExitReasonTest, DataThatIsDamaged) {
  Json spec = Spec("pretrain");
  ASSERT_EQ(Run(spec, "packs").reason, ExitReason::kCompleted);
  Path pack;
  for (const auto& entry : std::filesystem::directory_iterator(base_.path() / "cache")) {
    if (entry.path().extension() == ".pack") pack = entry.path();
  }
  std::string content = *ReadFile(pack);
  content.resize(content.size() - 1);
  const Path damaged = base_.path() / "damaged.pack";
  ASSERT_TRUE(WriteFileDurably(damaged, content).ok());
  spec["data"] = {{"pack", damaged.string()}};
  ExpectExit(Run(spec, "a"), "a", 24, "DATA_CORRUPT", "damaged.pack");
}

TEST_F(ExitReasonTest, ADamagedCheckpoint) {
  Json spec = Spec("finetune");
  spec["inputs"]["parent"] = "inputs/parent";
  GiveParent("a");
  FlipByte(Folder("a") / "inputs/parent/model.safetensors");
  ExpectExit(Run(spec, "a"), "a", 25, "CHECKPOINT_CORRUPT", "inputs/parent/model.safetensors");
}

TEST_F(ExitReasonTest, AFullDisk) {
  const Json spec = Spec("pretrain");
  const FullDiskCalls full(1, kEndless, (Folder("a") / "checkpoints/").string());
  ExpectExit(Run(spec, "a"), "a", 26, "DISK_FULL", "no checkpoint could be saved 3 times in a row");
}

TEST_F(ExitReasonTest, ErrorsOfTheGpuAndOfItsBeingTaken) {
  using Kind = FailingAllocator::Kind;
  ExpectExit(RunWithAllocator("a", Kind::kError, "CUDA error: an illegal memory access was encountered"), "a",
             27, "GPU_FAULT", "illegal memory access");
  ExpectExit(
      RunWithAllocator("b", Kind::kError, "CUDA error: CUDA-capable device(s) is/are busy or unavailable"),
      "b", 28, "DEVICE_BUSY", "busy");
}

TEST_F(ExitReasonTest, OurOwnMistakes) {
  ExpectExit(
      RunWithAllocator("a", FailingAllocator::Kind::kError, "expected scalar type Float but found Half"), "a",
      70, "INTERNAL", "expected scalar type");
}

}  // namespace
}  // namespace ecgtrain
