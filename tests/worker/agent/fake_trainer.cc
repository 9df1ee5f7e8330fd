// A trainer that follows docs/run-directory.md and does what the test tells it, one letter at a time: first
// those of label "script" of its specification, then those that arrive through the FIFO that label "gate"
// names, or without such a label through "gate-JOB" in the worker's state folder. Goes on from the step of
// the checkpoint it is given.
//
//   s step   c checkpoint   p part of a checkpoint   R checkpoint removed   a artifact   r result   b line
//   that is no event   t half a line f flood of events and log   h ignore SIGTERM   e succeed   n exit code
//   22 without exit.json   k die by SIGKILL
//
// SIGTERM: checkpoint, exit.json, exit code 10.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/sha256.h"
#include "common/unique_fd.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {
namespace {

volatile sig_atomic_t stop_asked = 0;

class FakeTrainer {
 public:
  FakeTrainer(std::filesystem::path directory, nlohmann::json labels)
      : directory_(std::move(directory)),
        labels_(std::move(labels)),
        gate_(directory_.parent_path().parent_path() / absl::StrCat("gate-", directory_.stem().string())),
        events_(directory_ / run_directory::kEventsFile, std::ios::app) {
    if (labels_.contains("gate")) gate_ = labels_["gate"].get<std::string>();
    const auto manifest = ParseJson(
        ReadFile(directory_ / run_directory::kResumeFolder / run_directory::kManifestFile).value_or(""),
        "manifest");
    if (manifest.ok() && manifest->contains("step")) step_ = (*manifest)["step"].get<uint64_t>();
  }

  int Run() {
    Event({{"type", "phase"}, {"phase", "preparing"}});
    Event({{"type", "phase"},
           {"phase", "training"},
           {"resumed_step", step_},
           {"device", "cpu"},
           {"records", {{"train", 10}, {"validation", 2}}}});
    std::cout << "training" << std::endl;
    std::cerr << "to standard error\n";
    for (const char command : labels_.value("script", "")) {
      if (const int code = Obey(command); code >= 0) return code;
    }
    const UniqueFd gate(open(gate_.c_str(), O_RDWR | O_CLOEXEC));
    if (!gate.valid()) return 70;
    while (stop_asked == 0) {
      char command = 0;
      if (read(gate.get(), &command, 1) == 1) {
        if (const int code = Obey(command); code >= 0) return code;
      }
    }
    Checkpoint();
    return Exit("STOPPED", "STOPPED", 10);
  }

 private:
  void Event(nlohmann::json event) {
    event["seq"] = ++seq_;
    event["time"] = 1.8e9 + static_cast<double>(seq_);
    events_ << DumpJson(event) << "\n" << std::flush;
  }

  void Step() {
    ++step_;
    Event({{"type", "progress"},
           {"step", step_},
           {"total_steps", 100},
           {"epoch", 1},
           {"epochs", 1},
           {"records_per_second", 10.5},
           {"step_seconds", 0.1},
           {"data_wait_seconds", 0.0}});
    Event({{"type", "metrics"},
           {"step", step_},
           {"epoch", 1},
           {"values", {{"train/loss", 1.0 / static_cast<double>(step_)}, {"train/gradient_norm", "nan"}}}});
    std::cout << "step " << step_ << std::endl;
  }

  static nlohmann::json File(const std::filesystem::path& path, const std::string& content) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return {{"name", path.filename().string()}, {"size", content.size()}, {"sha256", Sha256Hex(content)}};
  }

  // Content that differs from byte to byte, step to step.
  std::string Noise(size_t size) const {
    std::string content(size, '\0');
    uint64_t state = 88172645463325252ULL + step_ + size;
    for (char& byte : content) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      byte = static_cast<char>(state);
    }
    return content;
  }

  std::filesystem::path CheckpointFolder() const {
    return directory_ / run_directory::kCheckpointsFolder / run_directory::CheckpointName(step_);
  }

  void Checkpoint() {
    const std::string name = run_directory::CheckpointName(step_);
    const std::filesystem::path folder = CheckpointFolder();
    const size_t size = std::stoul(labels_.value("size", "700000"));
    Event({{"type", "checkpoint"},
           {"name", name},
           {"step", step_},
           {"epoch", 1},
           {"best", true},
           {"metric", {{"name", "validation/loss"}, {"value", 0.5}}},
           {"files",
            {File(folder / run_directory::kModelFile, Noise(size)),
             File(folder / run_directory::kManifestFile, absl::StrCat("{\"step\": ", step_, "}"))}}});
  }

  void Artifact() {
    nlohmann::json event = File(directory_ / run_directory::kArtifactsFolder / "scores.json", Noise(300));
    event.update({{"type", "artifact"}, {"path", "scores.json"}, {"kind", "scores"}});
    Event(std::move(event));
  }

  void Flood() {
    for (int i = 0; i < 20'000; ++i) {
      Event({{"type", "metrics"}, {"step", ++step_}, {"epoch", 1}, {"values", {{"train/loss", 0.5}}}});
      std::cout << "a line of a trainer that writes a great deal, number " << i << "\n";
    }
    std::cout << std::flush;
  }

  int Exit(const char* outcome, const char* reason, int code) {
    const nlohmann::json exit = {
        {"outcome", outcome}, {"reason", reason}, {"message", "as the test wants it"}, {"step", step_}};
    return WriteFileDurably(directory_ / run_directory::kExitFile, DumpJson(exit)).ok() ? code : 70;
  }

  // The exit code, or -1 to go on.
  int Obey(char command) {
    switch (command) {
      case 's':
        Step();
        break;
      case 'c':
        Checkpoint();
        break;
      case 'p':
        File(CheckpointFolder() / run_directory::kModelFile, Noise(1000));
        std::cout << "half a checkpoint" << std::endl;
        break;
      case 'R':
        std::filesystem::remove_all(CheckpointFolder());
        Event({{"type", "checkpoint_removed"}, {"name", run_directory::CheckpointName(step_)}});
        break;
      case 'a':
        Artifact();
        break;
      case 'r':
        Event({{"type", "result"},
               {"values", {{"test/auroc_macro", 0.9}}},
               {"classes_scored", 5},
               {"records", 2}});
        break;
      case 'b':
        events_ << "{\"seq\": oops\n" << std::flush;
        ++seq_;
        break;
      case 't':
        events_ << "{\"seq\": " << std::flush;
        break;
      case 'f':
        Flood();
        break;
      case 'h':
        signal(SIGTERM, SIG_IGN);
        break;
      case 'e':
        return Exit("SUCCEEDED", "COMPLETED", 0);
      case 'n':
        return 22;
      case 'k':
        raise(SIGKILL);
        break;
      default:
        std::cerr << "unknown command " << command << "\n";
        return 70;
    }
    return -1;
  }

  const std::filesystem::path directory_;
  const nlohmann::json labels_;
  std::filesystem::path gate_;
  std::ofstream events_;
  uint64_t seq_ = 0;
  uint64_t step_ = 0;
};

int Main(int argc, char** argv) {
  if (argc != 6 || std::string(argv[1]) != "run" || std::string(argv[2]) != "--spec" ||
      std::string(argv[4]) != "--dir") {
    std::cerr << "usage: fake_trainer run --spec FILE --dir DIR\n";
    return 20;
  }
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_asked = 1; };  // without SA_RESTART: it ends a read that waits
  sigaction(SIGTERM, &action, nullptr);
  const absl::StatusOr<std::string> text = ReadFile(argv[3]);
  const absl::StatusOr<nlohmann::json> spec = text.ok() ? ParseJson(*text, argv[3]) : text.status();
  if (!spec.ok() || !std::filesystem::exists(spec->at("data").at("pack").get<std::string>())) {
    std::cerr << "bad spec\n";
    return 20;
  }
  return FakeTrainer(argv[5], spec->at("spec").value("labels", nlohmann::json::object())).Run();
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) { return ecgtrain::Main(argc, argv); }
