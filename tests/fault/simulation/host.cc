#include "tests/fault/simulation/host.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/sha256.h"

namespace ecgtrain::simulation {
namespace {

using run_directory::ExitReason;

constexpr uint64_t kStepsPerCheckpoint = 3;
constexpr absl::Duration kStep = absl::Seconds(2);

std::string Label(const v1::JobSpec& spec, const std::string& name) {
  const auto found = spec.labels().find(name);
  return found == spec.labels().end() ? "" : found->second;
}

// The weights of a job at a step: the same in every attempt that gets there, as an exact resume promises.
std::string Weights(const v1::JobSpec& spec, uint64_t step) {
  std::string content = absl::StrCat("weights of ", spec.name(), " at step ", step, " ");
  content.append(200 + step % 7 * 30, 'w');
  return content;
}

// Shared by all jobs, so that one stored file has many owners.
std::string State(uint64_t step) { return absl::StrCat("{\"step\": ", step, "}"); }

double LossAt(uint64_t step) {
  return 1.0 / static_cast<double>(1 + step % 5) + 0.01 * static_cast<double>(step);
}

}  // namespace

Trainer::Trainer(World& world, Ledger& ledger, RunDirectory& directory,
                 std::function<void(const ProcessEnd&)> ended)
    : world_(world),
      ledger_(ledger),
      directory_(directory),
      ended_(std::move(ended)),
      script_(Label(directory.assignment.spec(), "script")) {
  const v1::Assignment& assignment = directory.assignment;
  if (!absl::SimpleAtoi(Label(assignment.spec(), "steps"), &total_)) total_ = 6;
  if (assignment.has_resume()) step_ = assignment.resume().step();
  v1::TrainerEvent event;
  event.mutable_phase()->set_phase("training");
  (*event.mutable_phase()->mutable_environment())["device"] = "cpu";
  event.mutable_phase()->set_resumed_step(step_);
  Append(std::move(event));
  NextStep();
}

void Trainer::NextStep() {
  world_.After(world_.random.Between(kStep / 2, kStep * 3 / 2), [this, alive = alive_] {
    if (*alive) Step();
  });
}

void Trainer::Step() {
  if (hung_) return;
  const v1::Assignment& assignment = directory_.assignment;
  const uint32_t attempt = assignment.attempt().attempt();
  if (script_ == "corrupt" && assignment.has_resume() && attempt % 2 == 0)
    return Exit(ExitReason::kCheckpointCorrupt, "a digest does not match");
  if (stopping_) {
    WriteCheckpoint();
    return Exit(ExitReason::kStopped, "");
  }
  if (step_ >= total_) return Complete();
  ++step_;
  v1::TrainerEvent event;
  event.mutable_progress()->set_step(step_);
  event.mutable_progress()->set_total_steps(total_);
  Append(std::move(event));
  event.mutable_metrics()->set_step(step_);
  (*event.mutable_metrics()->mutable_values())["train/loss"] = LossAt(step_);
  Append(std::move(event));
  directory_.log += absl::StrCat("step ", step_, "\n");
  if (step_ == 2) {
    if (script_ == "user_error") return Exit(ExitReason::kUserError, "no such lead");
    if (script_ == "disk_full" && attempt == 1) return Exit(ExitReason::kDiskFull, "no space left");
    if (script_ == "hang" && attempt == 1) hung_ = true;
  }
  if (step_ == 4) {
    if (script_ == "non_finite") return Exit(ExitReason::kNonFinite, "loss is NaN");
    if (script_ == "crash" && attempt <= 2) return Kill();
    if (script_ == "crash_always") return Kill();
  }
  if (step_ % kStepsPerCheckpoint == 0 || step_ == total_) WriteCheckpoint();
  NextStep();
}

void Trainer::Append(v1::TrainerEvent event) {
  event.set_seq(directory_.events.size() + 1);
  event.set_time(absl::ToDoubleSeconds(world_.clock.Now() - absl::UnixEpoch()));
  directory_.events.push_back(std::move(event));
}

void Trainer::WriteCheckpoint() {
  v1::TrainerEvent event;
  v1::CheckpointEvent& checkpoint = *event.mutable_checkpoint();
  checkpoint.set_name(run_directory::CheckpointName(step_));
  if (!kept_.empty() && kept_.back().name() == checkpoint.name()) return;
  checkpoint.set_step(step_);
  checkpoint.set_metric_name("validation/loss");
  checkpoint.set_metric_value(LossAt(step_));
  for (const auto& [name, content] :
       {std::make_pair("model.safetensors", Weights(directory_.assignment.spec(), step_)),
        std::make_pair("state.json", State(step_))}) {
    v1::ArtifactFile& file = *checkpoint.add_files();
    file.set_name(name);
    file.set_size(content.size());
    Sha256 hash;
    hash.Update(content);
    file.set_sha256(hash.HexDigest());
    directory_.files[file.sha256()] = content;
  }
  kept_.push_back(checkpoint);
  Append(std::move(event));
  RemoveOldCheckpoints();
}

void Trainer::RemoveOldCheckpoints() {
  if (kept_.size() <= 2) return;
  v1::TrainerEvent event;
  event.mutable_checkpoint_removed()->set_name(kept_.front().name());
  for (const v1::ArtifactFile& file : kept_.front().files()) directory_.files.erase(file.sha256());
  kept_.erase(kept_.begin());
  Append(std::move(event));
}

void Trainer::Complete() {
  v1::TrainerEvent event;
  (*event.mutable_result()->mutable_values())["test/loss"] = LossAt(step_);
  Append(std::move(event));
  const v1::AttemptRef& attempt = directory_.assignment.attempt();
  ledger_.completed.insert({attempt.job_id(), attempt.attempt()});
  Exit(ExitReason::kCompleted, "");
}

void Trainer::Exit(ExitReason reason, const std::string& message) {
  directory_.exit = ExitRecord{.reason = reason, .message = message, .step = step_};
  End({.exit_code = static_cast<int>(reason), .signal = std::nullopt});
}

void Trainer::Kill() { End({.exit_code = std::nullopt, .signal = SIGKILL}); }

void Trainer::End(const ProcessEnd& end) {
  if (!std::exchange(*alive_, false)) return;
  const auto& attempt = directory_.assignment.attempt();
  world_.Note(absl::StrCat("trainer of ", AttemptName(attempt), " ends at step ", step_,
                           directory_.exit.has_value()
                               ? absl::StrCat(": ", run_directory::ExitReasonName(directory_.exit->reason))
                               : " by a signal"));
  const auto ended = ended_;  // destroys this
  ended(end);
}

void SpawnTrainer(World& world, Ledger& ledger, Host& host, const Host::Key& key) {
  RunDirectory& directory = host.directories.at(key);
  const v1::Assignment& assignment = directory.assignment;
  if (++ledger.spawned[assignment.attempt().token()] > 1)
    world.Break(absl::StrCat("the trainer of ", AttemptName(assignment.attempt()), " was started twice"));
  for (const std::string& device : assignment.devices()) {
    if (!host.busy.insert(device).second)
      world.Break(absl::StrCat(host.name, " runs two trainers on ", device));
  }
  world.Note(absl::StrCat(host.name, " starts the trainer of ", AttemptName(assignment.attempt())));
  host.trainers[key] =
      std::make_unique<Trainer>(world, ledger, directory, [&host, key](const ProcessEnd& end) {
        for (const std::string& device : host.directories.at(key).assignment.devices())
          host.busy.erase(device);
        host.trainers.erase(key);
        host.on_trainer_end(key, end);
      });
}

void LosePower(World& world, Ledger& ledger, Host& host, bool disk_lost) {
  host.on_trainer_end = [](const Host::Key&, const ProcessEnd&) {};
  host.trainers.clear();
  host.busy.clear();
  if (disk_lost) {
    // An attempt that nobody has reported may be ordered, and begin, once more.
    for (const auto& [key, directory] : host.directories) {
      if (!directory.reported) ledger.spawned.erase(directory.assignment.attempt().token());
    }
    return host.directories.clear();
  }
  for (auto& [key, directory] : host.directories) {
    if (directory.exit.has_value() || !world.random.Chance(0.5)) continue;
    directory.events.resize(world.random.Below(directory.events.size() + 1));
    directory.log.resize(world.random.Below(directory.log.size() + 1));
  }
}

}  // namespace ecgtrain::simulation
