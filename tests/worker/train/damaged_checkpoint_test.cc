// A checkpoint that is not what was written is never trained from (P8, F24, T9): it is found, named and set
// aside, and the one before it takes its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/support/long_tests.h"
#include "tests/worker/train/attempt_fixture.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

constexpr char kNewest[] = "step-000000020";
constexpr uint64_t kOlderStep = 10;

void Overwrite(const Path& file, const std::string& content) {
  ASSERT_TRUE(WriteFileDurably(file, content).ok());
}

// Asks for a stop after the n-th step: each one that goes on asks about a checkpoint.
class StepControls final : public Controls {
 public:
  explicit StepControls(uint64_t steps) : steps_(steps) {}
  bool StopRequested() override { return done_ + 1 >= steps_; }
  bool TakeCheckpointRequest() override {
    ++done_;
    return false;
  }

 private:
  uint64_t steps_;
  uint64_t done_ = 0;
};

struct Damage {
  std::string file;
  size_t offset = 0;  // of the flipped byte, or the length of what is left
  bool truncate = false;

  void Do(const Path& checkpoint) const {
    std::string content = *ReadFile(checkpoint / file);
    if (truncate) {
      content.resize(offset);
    } else {
      content[offset] ^= 0x10;
    }
    Overwrite(checkpoint / file, content);
  }
};

void PrintTo(const Damage& damage, std::ostream* out) {
  *out << damage.file << (damage.truncate ? " cut at " : " byte ") << damage.offset;
}

class DamagedCheckpoint : public AttemptFixture {
 protected:
  // A run that stopped at step 20 and holds a checkpoint of step 10, too; and the same uninterrupted.
  void SetUp() override {
    spec_ = Spec("finetune");
    spec_["data"]["records"] = 62;
    spec_["spec"]["schedule"] = {{"epochs", 3}, {"batch_size", 5}, {"log_every", 3}};
    spec_["spec"]["checkpoint"] = {{"every_steps", kOlderStep}};
    ASSERT_EQ(Run(spec_, "whole").reason, ExitReason::kCompleted);
    StepControls controls(20);
    ASSERT_EQ(Run(spec_, "stopped", controls).reason, ExitReason::kStopped);
    ASSERT_EQ(ListCheckpoints(Folder("stopped") / "checkpoints"), (std::vector<uint64_t>{20, kOlderStep}));
  }

  Path CopyOfStopped(const std::string& name) {
    std::filesystem::copy(Folder("stopped"), Folder(name), std::filesystem::copy_options::recursive);
    return Folder(name) / "checkpoints" / kNewest;
  }

  // Offsets over the whole file, its first and last byte and, of tensors, the header among them.
  std::vector<size_t> Places(const std::string& file, size_t count) {
    const std::string content = *ReadFile(Folder("stopped") / "checkpoints" / kNewest / file);
    std::vector<size_t> places;
    for (size_t i = 0; i < count; ++i) places.push_back(i * (content.size() - 1) / (count - 1));
    if (!absl::StrContains(file, ".safetensors")) return places;
    const size_t header = content.find("}}");
    for (size_t i = 0; i < count / 4; ++i) places[i] = i * header / (count / 4);
    return places;
  }

  std::vector<Damage> AllDamage() {
    std::vector<Damage> all;
    for (const char* file :
         {"model.safetensors", "optimizer.safetensors", "state.json", "seen.safetensors", "manifest.json"}) {
      for (const size_t offset : Places(file, 50)) all.push_back({file, offset});
      const auto size =
          static_cast<size_t>(std::filesystem::file_size(Folder("stopped") / "checkpoints" / kNewest / file));
      for (const size_t length : {size_t{0}, size_t{7}, size / 2, size - 1})
        all.push_back({file, length, true});
    }
    return all;
  }

  void ExpectSetAside(const std::string& name, const std::string& file) {
    const std::vector<Json> warnings = Events(name, "warning");
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_EQ(warnings[0]["code"], "CHECKPOINT_CORRUPT");
    EXPECT_THAT(warnings[0]["message"].get<std::string>(), HasSubstr(absl::StrCat(kNewest, "/", file)));
    EXPECT_THAT(warnings[0]["message"].get<std::string>(), HasSubstr("going on from step 10"));
    EXPECT_EQ(Events(name, "checkpoint_removed").at(0)["name"], kNewest);
    EXPECT_TRUE(std::filesystem::exists(Folder(name) / "checkpoints" / absl::StrCat("corrupt-", kNewest)));
  }

  Json spec_;
};

TEST_F(DamagedCheckpoint, IsFoundWhereverTheDamageIsAndTheOneBeforeTakesItsPlace) {
  const std::vector<Damage> all = AllDamage();
  ASSERT_EQ(all.size(), 5u * (50 + 4));
  for (size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(testing::PrintToString(all[i]));
    const std::string name = absl::StrCat("damaged-", i);
    all[i].Do(CopyOfStopped(name));
    CountingControls one_step(1);
    const TrainerExit end = Run(spec_, name, one_step);
    ASSERT_EQ(end.reason, ExitReason::kStopped) << end.message;
    EXPECT_EQ(end.step, kOlderStep + 1);
    ExpectSetAside(name, all[i].file);
    ASSERT_FALSE(HasFailure());
    std::filesystem::remove_all(Folder(name));
  }
  RecordCount("damaged_places", static_cast<int64_t>(all.size()));
}

TEST_F(DamagedCheckpoint, TheRunEndsAsIfNothingHadHappened) {
  for (const char* file :
       {"model.safetensors", "optimizer.safetensors", "state.json", "seen.safetensors", "manifest.json"}) {
    const std::string name = absl::StrCat("damaged-", file);
    FlipByte(CopyOfStopped(name) / file);
    ASSERT_EQ(Run(spec_, name).reason, ExitReason::kCompleted);
    EXPECT_EQ(Outcome(name), Outcome("whole")) << file;
  }
}

TEST_F(DamagedCheckpoint, AMissingFileIsDamageToo) {
  std::filesystem::remove(CopyOfStopped("damaged") / "optimizer.safetensors");
  CountingControls one_step(1);
  EXPECT_EQ(Run(spec_, "damaged", one_step).step, kOlderStep + 1);
  ExpectSetAside("damaged", "optimizer.safetensors");
}

TEST_F(DamagedCheckpoint, NoneLeftEndsTheJobHoweverOftenItIsTried) {
  CopyOfStopped("damaged");
  for (const char* step : {kNewest, "step-000000010"}) {
    FlipByte(Folder("damaged") / "checkpoints" / step / "model.safetensors");
  }
  for (int i = 0; i < 2; ++i) {
    const TrainerExit end = Run(spec_, "damaged");
    EXPECT_EQ(end.reason, ExitReason::kCheckpointCorrupt);
    EXPECT_THAT(end.message, HasSubstr("from scratch"));
  }
  EXPECT_EQ(Events("damaged", "warning").size(), 2u);
  EXPECT_THAT(Events("damaged", "warning").at(0)["message"].get<std::string>(),
              HasSubstr("no older one is left"));
}

TEST_F(DamagedCheckpoint, TheGivenOneIsTheLastResort) {
  CopyOfStopped("damaged");
  spec_["inputs"]["resume"] = "inputs/resume";
  std::filesystem::create_directories(Folder("damaged") / "inputs");
  std::filesystem::copy(Folder("stopped") / "checkpoints/step-000000010",
                        Folder("damaged") / "inputs/resume");
  for (const char* step : {kNewest, "step-000000010"}) {
    FlipByte(Folder("damaged") / "checkpoints" / step / "model.safetensors");
  }
  ASSERT_EQ(Run(spec_, "damaged").reason, ExitReason::kCompleted);
  EXPECT_EQ(Outcome("damaged"), Outcome("whole"));
}

TEST_F(DamagedCheckpoint, ADamagedGivenOneEndsTheAttempt) {
  spec_["inputs"]["resume"] = "inputs/resume";
  std::filesystem::create_directories(Folder("given") / "inputs");
  std::filesystem::copy(Folder("stopped") / "checkpoints" / kNewest, Folder("given") / "inputs/resume");
  FlipByte(Folder("given") / "inputs/resume/state.json");
  const TrainerExit end = Run(spec_, "given");
  EXPECT_EQ(end.reason, ExitReason::kCheckpointCorrupt);
  EXPECT_THAT(end.message, HasSubstr("inputs/resume/state.json"));
}

}  // namespace
}  // namespace ecgtrain
