// Whole attempts of a very small model on the synthetic data set, in the test's own process.
#ifndef ECGTRAIN_TESTS_WORKER_TRAIN_ATTEMPT_FIXTURE_H_
#define ECGTRAIN_TESTS_WORKER_TRAIN_ATTEMPT_FIXTURE_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/clock.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "tests/support/temporary_folder.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/checkpoint.h"
#include "worker/train/controls.h"
#include "worker/train/trainer.h"

namespace ecgtrain {

using Json = nlohmann::json;
using Path = std::filesystem::path;
using run_directory::ExitReason;

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

class AttemptFixture : public testing::Test {
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

  // Every kind of augmentation at once.
  static Json Augmented(Json spec, const std::string& kind) {
    spec["spec"][kind]["augment"] = {
        {"crop", true}, {"gain", 0.3}, {"noise", 0.05}, {"wander", 0.2}, {"lead_drop", 0.2}};
    return spec;
  }

  Path Folder(const std::string& name) { return base_.path() / name; }

  Path WriteSpec(const Json& spec, const std::string& name) {
    const Path file = base_.path() / (name + ".json");
    EXPECT_TRUE(WriteFileDurably(file, spec.dump()).ok());
    return file;
  }
  TrainerExit Run(const Json& spec, const std::string& name, Controls& controls) {
    return RunTrainer(WriteSpec(spec, name), Folder(name), controls, clock_);
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

  // Values by step and name. A point that a later process computed again supersedes the earlier one.
  std::map<std::pair<uint64_t, std::string>, Json> Metrics(const std::string& name) {
    std::map<std::pair<uint64_t, std::string>, Json> points;
    for (const Json& event : Events(name, "metrics")) {
      for (const auto& [metric, value] : event["values"].items()) points[{event["step"], metric}] = value;
    }
    return points;
  }

  // All that a run computed: its last weights and optimizer, every metric, the result.
  std::string Outcome(const std::string& name) {
    std::string outcome;
    for (const char* file : {"model.safetensors", "optimizer.safetensors", "state.json"}) {
      absl::StrAppend(&outcome, file, " ", DigestFile(NewestCheckpoint(name) / file)->sha256, "\n");
    }
    for (const auto& [point, value] : Metrics(name)) {
      absl::StrAppend(&outcome, point.first, " ", point.second, " ", value.dump(), "\n");
    }
    for (const Json& event : Events(name, "result")) absl::StrAppend(&outcome, event.dump(), "\n");
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

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_WORKER_TRAIN_ATTEMPT_FIXTURE_H_
