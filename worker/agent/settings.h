// What a person tells ecg-worker, by flags and in worker.yaml.
#ifndef ECGTRAIN_WORKER_AGENT_SETTINGS_H_
#define ECGTRAIN_WORKER_AGENT_SETTINGS_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace ecgtrain {

// A data set as the worker can reach it.
struct DatasetSettings {
  std::string type;            // as ecg-data knows them: ptbxl, cpsc2018, code15, own, ..., synthetic
  std::filesystem::path path;  // of the raw records; empty for synthetic
  std::string version;         // "1.0.3"; default: as the folder's name says
  std::string licence;         // default: as the type is published
  double gain = 0;             // of sets in HDF5; 0: the type's own
  std::vector<std::string> quarantine = {"missing"};  // flaws that leave a record out (docs/pack-format.md)
  bool derive_leads = true;                           // absent limb leads from I and II
  bool any_amplitude = false;  // pack even where the amplitudes say that unit or gain are wrong
  uint32_t records = 600;      // of synthetic
  uint64_t seed = 1;           // of synthetic
};

struct AgentSettings {
  std::string server;  // HOST:PORT
  std::string name;    // default: the host's
  std::filesystem::path state_dir;
  uint32_t cpu_slots = 1;
  uint32_t threads = 0;  // of the host, to divide among the slots; 0: all
  std::map<std::string, DatasetSettings> datasets = {{"synthetic", {.type = "synthetic"}}};
  std::filesystem::path token_file;
  std::filesystem::path ca_file;
  std::filesystem::path trainer;    // default: ecg-trainer beside this program
  std::filesystem::path data_tool;  // default: ecg-data beside this program
  // Leave after so long without an attempt; absent: never.
  std::optional<absl::Duration> exit_when_idle;
  absl::Duration keep_finished = absl::Hours(24);
  absl::Duration keep_orphans = absl::Hours(7 * 24);
  // How long the last uploads may take after the trainer is gone.
  absl::Duration upload_time = absl::Minutes(15);
  // How often events.jsonl and trainer.log are looked at.
  absl::Duration poll = absl::Milliseconds(100);
};

// Reads a YAML file into `settings`. INVALID_ARGUMENT naming file and key for unknown keys (with the nearest
// known one), doubled keys and values of a wrong type.
absl::Status ReadConfig(const std::filesystem::path& file, AgentSettings& settings);

// "NAME=TYPE:PATH", as the flag --dataset takes it; the path is absent for synthetic. INVALID_ARGUMENT.
absl::Status AddDataset(absl::string_view flag, AgentSettings& settings);

// Fills in the defaults that depend on the host and this program's own folder, makes paths absolute.
// INVALID_ARGUMENT naming what is missing or cannot be.
absl::Status CompleteSettings(AgentSettings& settings);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_SETTINGS_H_
