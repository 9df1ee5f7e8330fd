#include "worker/train/checkpoint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <fstream>

#include "common/durable_file.h"
#include "tests/worker/train/fake_pack.h"
#include "worker/train/checkpoint_keeper.h"
#include "worker/train/failure.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

Checkpoint Sample(uint64_t step, std::optional<double> auroc = std::nullopt) {
  Checkpoint checkpoint;
  checkpoint.model = {{"a.weight", at::arange(6, at::kFloat).view({2, 3})}};
  checkpoint.optimizer = {{"a.weight.exp_avg", at::full({2, 3}, 0.5)},
                          {"loop.sums", at::zeros({2}, at::kDouble)}};
  checkpoint.state = {{"step", step}};
  checkpoint.manifest = {
      {"step", step}, {"epoch", 1}, {"task", "finetune"}, {"model", nlohmann::json::object()}};
  if (auroc.has_value()) checkpoint.manifest["metrics"] = {{"validation/auroc_macro", *auroc}};
  return checkpoint;
}

void Overwrite(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// Makes every write beyond `bytes` fail as on a full disk, while it lives.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

TEST(Checkpoint, ReadsWhatItWrote) {
  const TemporaryFolder folder;
  const auto files = WriteCheckpoint(folder.path(), Sample(7));
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->size(), 4u);
  EXPECT_EQ(ListCheckpoints(folder.path()), (std::vector<uint64_t>{7}));
  const auto read = ReadCheckpoint(folder.path() / "step-000000007");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->model.at(0).tensor.equal(Sample(7).model[0].tensor));
  EXPECT_EQ(read->optimizer.size(), 2u);
  EXPECT_EQ(read->state["step"], 7);
}

TEST(Checkpoint, EveryFlippedByteIsFoundAndTheFileNamed) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteCheckpoint(folder.path(), Sample(7)).ok());
  const std::filesystem::path path = folder.path() / "step-000000007";
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"}) {
    const std::string good = *ReadFile(path / name);
    for (size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] ^= 1;
      Overwrite(path / name, bad);
      const absl::Status status = ReadCheckpoint(path).status();
      ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << name << " byte " << i;
      ASSERT_THAT(std::string(status.message()), HasSubstr(name)) << i;
    }
    Overwrite(path / name, good);
  }
  EXPECT_TRUE(ReadCheckpoint(path).ok());
}

TEST(Checkpoint, MissingFilesAreFound) {
  const TemporaryFolder folder;
  EXPECT_EQ(ReadCheckpoint(folder.path() / "none").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteCheckpoint(folder.path(), Sample(7)).ok());
  std::filesystem::remove(folder.path() / "step-000000007" / "optimizer.safetensors");
  EXPECT_EQ(ReadCheckpoint(folder.path() / "step-000000007").status().code(), absl::StatusCode::kDataLoss);
}

TEST(Checkpoint, ReplacesOneOfTheSameStepInOnePiece) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteCheckpoint(folder.path(), Sample(7)).ok());
  ASSERT_TRUE(WriteCheckpoint(folder.path(), Sample(7, 0.9)).ok());
  const auto read = ReadCheckpoint(folder.path() / "step-000000007");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->manifest.contains("metrics"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Checkpoint, AFullDiskLeavesNothingBehindAndKeepsTheOldOne) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteCheckpoint(folder.path(), Sample(7)).ok());
  for (const rlim_t bytes : {0, 30, 130, 220}) {
    absl::Status status;
    {
      const FullDisk full(bytes);
      status = WriteCheckpoint(folder.path(), Sample(8)).status();
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  }
  EXPECT_TRUE(ReadCheckpoint(folder.path() / "step-000000007").ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Checkpoint, SweepsWhatInterruptedWritersLeft) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / ".tmp-123");
  ASSERT_TRUE(WriteFileDurably(folder.path() / ".tmp-123/model.safetensors", "half").ok());
  ASSERT_TRUE(WriteCheckpoint(folder.path(), Sample(7)).ok());
  ASSERT_TRUE(RemoveUnfinished(folder.path()).ok());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / ".tmp-123"));
  EXPECT_EQ(ListCheckpoints(folder.path()).size(), 1u);
  EXPECT_TRUE(RemoveUnfinished(folder.path() / "none").ok());
}

TEST(CheckpointKeeper, KeepsTheLastAndTheBest) {
  const TemporaryFolder folder;
  FakeEvents events;
  const RetentionConfig config{.keep_last = 2, .keep_best = 1, .metric = "validation/auroc_macro"};
  {
    CheckpointKeeper keeper(folder.path(), config, events);
    ASSERT_TRUE(keeper.Save(Sample(1, 0.7), true, SaveMode::kDurable).ok());
    ASSERT_TRUE(keeper.Save(Sample(2, 0.9), true, SaveMode::kDurable).ok());
    ASSERT_TRUE(keeper.Save(Sample(3), false, SaveMode::kDurable).ok());
    ASSERT_TRUE(keeper.Save(Sample(4, 0.8), false, SaveMode::kDurable).ok());
  }
  EXPECT_EQ(ListCheckpoints(folder.path()), (std::vector<uint64_t>{4, 3, 2}));
  EXPECT_EQ(events.OfType("checkpoint_removed").at(0)["name"], "step-000000001");
  const auto announced = events.OfType("checkpoint");
  ASSERT_EQ(announced.size(), 4u);
  EXPECT_EQ(announced[1]["metric"]["value"], 0.9);
  EXPECT_TRUE(announced[1]["best"]);
  EXPECT_FALSE(announced[2].contains("metric"));
  EXPECT_EQ(announced[2]["files"].size(), 4u);

  CheckpointKeeper successor(folder.path(), config, events);  // a new process knows what is there
  ASSERT_TRUE(successor.Save(Sample(5, 0.6), false, SaveMode::kDurable).ok());
  EXPECT_EQ(ListCheckpoints(folder.path()), (std::vector<uint64_t>{5, 4, 2}));
}

// A removal whose sync failed on a full disk has moved the checkpoint away all the same, and is made again
// (P37).
TEST(CheckpointKeeper, ACheckpointThatIsGoneAlreadyIsRemovedAgainWithoutAnError) {
  const TemporaryFolder folder;
  FakeEvents events;
  CheckpointKeeper keeper(folder.path(), {.keep_last = 1}, events);
  ASSERT_TRUE(keeper.Save(Sample(1), false, SaveMode::kDurable).ok());
  std::filesystem::remove_all(folder.path() / "step-000000001");
  const absl::Status status = keeper.Save(Sample(2), false, SaveMode::kDurable);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(ListCheckpoints(folder.path()), (std::vector<uint64_t>{2}));
  EXPECT_EQ(events.OfType("checkpoint_removed").at(0)["name"], "step-000000001");
}

TEST(CheckpointKeeper, SmallerLossIsTheBetterOne) {
  const TemporaryFolder folder;
  FakeEvents events;
  CheckpointKeeper keeper(folder.path(), {.keep_last = 1, .keep_best = 1, .metric = "validation/loss"},
                          events);
  for (const auto& [step, loss] : {std::pair<uint64_t, double>{1, 0.5}, {2, 0.1}, {3, 0.3}}) {
    Checkpoint checkpoint = Sample(step);
    checkpoint.manifest["metrics"] = {{"validation/loss", loss}};
    ASSERT_TRUE(keeper.Save(checkpoint, false, SaveMode::kDurable).ok());
  }
  EXPECT_EQ(ListCheckpoints(folder.path()), (std::vector<uint64_t>{3, 2}));
}

TEST(CheckpointKeeper, AFullDiskCostsAWarningAndEndsItTheThirdTime) {
  const TemporaryFolder folder;
  FakeEvents events;
  CheckpointKeeper keeper(folder.path(), {}, events);
  const FullDisk full(0);
  EXPECT_TRUE(keeper.Save(Sample(1), false, SaveMode::kAfterOther).ok());
  EXPECT_TRUE(keeper.Save(Sample(2), false, SaveMode::kAfterOther).ok());
  EXPECT_TRUE(keeper.Save(Sample(3), false, SaveMode::kAfterOther).ok());
  const absl::Status status = keeper.Finish();
  EXPECT_EQ(ReasonOf(status), run_directory::ExitReason::kDiskFull);
  EXPECT_EQ(events.OfType("warning").size(), 2u);
  EXPECT_EQ(events.OfType("warning")[0]["code"], "DISK_FULL");
}

}  // namespace
}  // namespace ecgtrain
