#include "worker/agent/settings.h"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/nearest_name.h"
#include "common/status_macros.h"
#include "common/units.h"
#include "spec/reference.h"

namespace ecgtrain {
namespace {

constexpr uint32_t kMaxSlots = 1024;
constexpr uint64_t kMaxConfigBytes = 1 << 20;

// What ecg-data reads (worker/data/data_set.h), which this program does not link, and the licence that each
// is published under: SPDX names; "" where none is known.
const std::map<std::string, std::string>& DatasetTypes() {
  static const auto* const types = new std::map<std::string, std::string>{{"challenge", "CC-BY-4.0"},
                                                                          {"code", ""},
                                                                          {"code-test", "CC-BY-4.0"},
                                                                          {"code15", "CC-BY-4.0"},
                                                                          {"cpsc2018", ""},
                                                                          {"mimic-iv-ecg", "ODbL-1.0"},
                                                                          {"own", ""},
                                                                          {"ptbxl", "CC-BY-4.0"},
                                                                          {"sami-trop", "CC-BY-4.0"},
                                                                          {"synthetic", ""}};
  return *types;
}

// "1.0.3" of ".../ptb-xl-1.0.3" and of ".../ptb-xl/1.0.3"; "" of a name that does not end so.
std::string VersionInName(const std::filesystem::path& folder) {
  const std::string name = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  const std::string tail = name.substr(name.find_last_of("-_") + 1);
  const bool digits_and_dots = tail.find_first_not_of("0123456789.") == std::string::npos;
  const size_t dot = tail.find('.');
  return digits_and_dots && dot != std::string::npos && IsIdentifier(tail) && tail.back() != '.' ? tail : "";
}

using Readers = std::map<std::string, std::function<absl::Status(const YAML::Node&)>>;

absl::Status AtKey(const std::string& key, const absl::Status& status) { return WithContext(status, key); }

// Hands each member of a mapping to its reader.
absl::Status ReadMapping(const YAML::Node& node, const Readers& readers) {
  if (!node.IsMap()) return absl::InvalidArgumentError("not a mapping");
  std::vector<std::string> known;
  known.reserve(readers.size());
  for (const auto& [key, reader] : readers) known.push_back(key);
  std::set<std::string> seen;
  for (const auto& member : node) {
    const auto key = member.first.as<std::string>();
    if (!seen.insert(key).second)
      return absl::InvalidArgumentError(absl::StrCat("key \"", key, "\" stands twice"));
    const auto reader = readers.find(key);
    if (reader == readers.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown key \"", key, "\"", DidYouMean(key, known)));
    }
    RETURN_IF_ERROR(AtKey(key, reader->second(member.second)));
  }
  return absl::OkStatus();
}

template <typename T>
std::function<absl::Status(const YAML::Node&)> Into(T& target) {
  return [&target](const YAML::Node& node) {
    target = node.as<T>();
    return absl::OkStatus();
  };
}

std::function<absl::Status(const YAML::Node&)> IntoPath(std::filesystem::path& target) {
  return [&target](const YAML::Node& node) {
    target = node.as<std::string>();
    return absl::OkStatus();
  };
}

std::function<absl::Status(const YAML::Node&)> IntoDuration(std::function<void(absl::Duration)> take) {
  return [take = std::move(take)](const YAML::Node& node) -> absl::Status {
    ASSIGN_OR_RETURN(const absl::Duration duration, ParseDuration(node.as<std::string>()));
    take(duration);
    return absl::OkStatus();
  };
}

absl::Status ReadDataset(const YAML::Node& node, DatasetSettings& dataset) {
  return ReadMapping(node, {{"type", Into(dataset.type)},
                            {"path", IntoPath(dataset.path)},
                            {"version", Into(dataset.version)},
                            {"licence", Into(dataset.licence)},
                            {"gain", Into(dataset.gain)},
                            {"quarantine", Into(dataset.quarantine)},
                            {"derive_leads", Into(dataset.derive_leads)},
                            {"any_amplitude", Into(dataset.any_amplitude)},
                            {"records", Into(dataset.records)},
                            {"seed", Into(dataset.seed)}});
}

absl::Status ReadDatasets(const YAML::Node& node, AgentSettings& settings) {
  if (!node.IsMap()) return absl::InvalidArgumentError("not a mapping of names to data sets");
  for (const auto& member : node) {
    const auto name = member.first.as<std::string>();
    DatasetSettings dataset;
    RETURN_IF_ERROR(AtKey(name, ReadDataset(member.second, dataset)));
    settings.datasets[name] = std::move(dataset);
  }
  return absl::OkStatus();
}

absl::Status ReadSettings(const YAML::Node& node, AgentSettings& settings) {
  return ReadMapping(
      node,
      {{"server", Into(settings.server)},
       {"name", Into(settings.name)},
       {"state_dir", IntoPath(settings.state_dir)},
       {"cpu_slots", Into(settings.cpu_slots)},
       {"threads", Into(settings.threads)},
       {"datasets", [&settings](const YAML::Node& datasets) { return ReadDatasets(datasets, settings); }},
       {"token_file", IntoPath(settings.token_file)},
       {"ca", IntoPath(settings.ca_file)},
       {"trainer", IntoPath(settings.trainer)},
       {"data_tool", IntoPath(settings.data_tool)},
       {"exit_when_idle", IntoDuration([&settings](absl::Duration idle) { settings.exit_when_idle = idle; })},
       {"keep_finished", IntoDuration([&settings](absl::Duration keep) { settings.keep_finished = keep; })},
       {"keep_orphans", IntoDuration([&settings](absl::Duration keep) { settings.keep_orphans = keep; })}});
}

absl::Status CheckDataset(const std::string& name, DatasetSettings& dataset) {
  if (!IsIdentifier(name) || name.size() > 63) {
    return absl::InvalidArgumentError(absl::StrCat(
        "data set name \"", name, "\": letters, digits, '.', '_', '-', beginning with a letter or digit"));
  }
  for (const std::string& flaw : dataset.quarantine) {
    if (!IsIdentifier(flaw)) {
      return absl::InvalidArgumentError(absl::StrCat("data set ", name, ": quarantine: \"", flaw,
                                                     "\" is no flaw; ecg-data pack --help lists them"));
    }
  }
  if (!dataset.version.empty() && (!IsIdentifier(dataset.version) || dataset.version.size() > 63)) {
    return absl::InvalidArgumentError(
        absl::StrCat("data set ", name, ": version \"", dataset.version,
                     "\": at most 63 letters, digits, '.', '_', '-', beginning with a letter or digit"));
  }
  if (dataset.licence.size() > 200)
    return absl::InvalidArgumentError(absl::StrCat("data set ", name, ": licence: at most 200 characters"));
  if (dataset.type == "synthetic") {
    return dataset.records > 0
               ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat("data set ", name, ": records must be above 0"));
  }
  const auto type = DatasetTypes().find(dataset.type);
  if (type == DatasetTypes().end()) {
    std::vector<std::string> types;
    for (const auto& [known, licence] : DatasetTypes()) types.push_back(known);
    return absl::InvalidArgumentError(absl::StrCat("data set ", name, ": unknown type \"", dataset.type, "\"",
                                                   DidYouMean(dataset.type, types)));
  }
  if (dataset.path.empty()) return absl::InvalidArgumentError(absl::StrCat("data set ", name, ": no path"));
  dataset.path = std::filesystem::absolute(dataset.path);
  if (dataset.version.empty()) dataset.version = VersionInName(dataset.path);
  if (dataset.licence.empty()) dataset.licence = type->second;
  return absl::OkStatus();
}

absl::Status CompletePrograms(AgentSettings& settings) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return FileError(error.value(), "read", "/proc/self/exe");
  if (settings.trainer.empty()) settings.trainer = self.parent_path() / "ecg-trainer";
  if (settings.data_tool.empty()) settings.data_tool = self.parent_path() / "ecg-data";
  for (auto* program : {&settings.trainer, &settings.data_tool}) {
    *program = std::filesystem::absolute(*program);
    if (access(program->c_str(), X_OK) != 0) return FileError(errno, "find program", *program);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadConfig(const std::filesystem::path& file, AgentSettings& settings) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxConfigBytes));
  try {
    return WithContext(ReadSettings(YAML::Load(text), settings), file.string());
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(file.string(), ": ", error.what()));
  }
}

absl::Status AddDataset(absl::string_view flag, AgentSettings& settings) {
  const size_t equals = flag.find('=');
  if (equals == absl::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--dataset ", flag, ": expected NAME=TYPE:PATH"));
  }
  const absl::string_view rest = flag.substr(equals + 1);
  const size_t colon = rest.find(':');
  DatasetSettings dataset{.type = std::string(rest.substr(0, colon))};
  if (colon != absl::string_view::npos) dataset.path = std::string(rest.substr(colon + 1));
  settings.datasets[std::string(flag.substr(0, equals))] = std::move(dataset);
  return absl::OkStatus();
}

absl::Status CompleteSettings(AgentSettings& settings) {
  if (settings.server.empty()) return absl::InvalidArgumentError("no server: give --server HOST:PORT");
  if (settings.state_dir.empty()) return absl::InvalidArgumentError("no state folder: give --state-dir DIR");
  if (settings.name.empty()) {
    char host[256] = {};
    if (gethostname(host, sizeof host - 1) != 0)
      return absl::InvalidArgumentError("no worker name: give --name NAME");
    settings.name = host;
  }
  if (!IsIdentifier(settings.name) || settings.name.size() > 63) {
    return absl::InvalidArgumentError(
        absl::StrCat("worker name \"", settings.name,
                     "\": at most 63 letters, digits, '.', '_', '-', beginning with a letter or digit"));
  }
  if (settings.threads == 0) settings.threads = std::max(1U, std::thread::hardware_concurrency());
  if (settings.cpu_slots > kMaxSlots || settings.cpu_slots > settings.threads) {
    return absl::InvalidArgumentError(absl::StrCat("cpu_slots ", settings.cpu_slots, " is more than the ",
                                                   settings.threads, " threads there are"));
  }
  settings.state_dir = std::filesystem::absolute(settings.state_dir);
  for (auto& [name, dataset] : settings.datasets) RETURN_IF_ERROR(CheckDataset(name, dataset));
  return CompletePrograms(settings);
}

}  // namespace ecgtrain
