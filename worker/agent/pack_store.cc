#include "worker/agent/pack_store.h"

#include <errno.h>
#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <future>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "proto/grpc_status.h"
#include "worker/agent/pack_description.h"
#include "worker/agent/trainer_command.h"

namespace ecgtrain {
namespace {

constexpr size_t kMaxOutputBytes = 1 << 20;
constexpr absl::Duration kPollOther = absl::Milliseconds(50);

// Where both the request and the data set's settings stand, so that changed settings ask anew.
std::string KeyOf(const DatasetSettings& dataset, const PackRequest& request) {
  return absl::StrCat(
      dataset.type, ":", dataset.path.string(), " records=", dataset.records, " seed=", dataset.seed,
      " gain=", dataset.gain, " rate=", request.rate, " highpass=", request.highpass ? 1 : 0,
      " quarantine=", absl::StrJoin(dataset.quarantine, ","), " derive_leads=", dataset.derive_leads ? 1 : 0,
      " any_amplitude=", dataset.any_amplitude ? 1 : 0);
}

// A pack as index.json and ecg-data describe it: the members of ParsePackDescription, and `path`.
absl::StatusOr<KnownPack> ParseKnownPack(const nlohmann::json& report) {
  if (!report.is_object() || !report.contains("path") || !report["path"].is_string())
    return absl::InvalidArgumentError("names no pack");
  KnownPack known{.path = std::filesystem::absolute(report["path"].get<std::string>())};
  ASSIGN_OR_RETURN(known.description, ParsePackDescription(report));
  return known;
}

std::map<std::string, KnownPack> ReadIndex(const std::filesystem::path& file) {
  std::map<std::string, KnownPack> index;
  const absl::StatusOr<std::string> text = ReadFile(file, 16 << 20);
  if (!text.ok()) return index;
  const absl::StatusOr<nlohmann::json> document = ParseJson(*text, file.string());
  // Only a memory: ecg-data answers again where it is lost.
  if (!document.ok() || !document->is_object()) return index;
  for (const auto& [key, value] : document->items()) {
    absl::StatusOr<KnownPack> known = ParseKnownPack(value);
    if (known.ok()) index[key] = *std::move(known);
  }
  return index;
}

nlohmann::json IndexEntry(const KnownPack& known) {
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto printed = google::protobuf::util::MessageToJsonString(known.description, &text, options);
  absl::StatusOr<nlohmann::json> entry = ParseJson(printed.ok() ? text : "{}", "pack");
  nlohmann::json result = entry.ok() ? *std::move(entry) : nlohmann::json::object();
  result["path"] = known.path.string();
  return result;
}

std::vector<std::string> PackArguments(const DatasetSettings& dataset, const PackRequest& request,
                                       const std::filesystem::path& folder) {
  std::vector<std::string> arguments = {"pack", "--type", dataset.type};
  if (dataset.type == "synthetic") {
    arguments.insert(arguments.end(),
                     {"--records", absl::StrCat(dataset.records), "--seed", absl::StrCat(dataset.seed)});
  } else {
    arguments.insert(arguments.end(), {"--path", dataset.path.string()});
    if (dataset.gain != 0) arguments.insert(arguments.end(), {"--gain", absl::StrCat(dataset.gain)});
  }
  arguments.insert(arguments.end(),
                   {"--rate", absl::StrCat(request.rate), "--cache", folder.string(), "--json"});
  if (!request.highpass) arguments.push_back("--no-highpass");
  if (!dataset.derive_leads) arguments.push_back("--no-derived-leads");
  if (dataset.any_amplitude) arguments.push_back("--any-amplitude");
  const std::string quarantine = absl::StrJoin(dataset.quarantine, ",");
  arguments.insert(arguments.end(), {"--quarantine", quarantine.empty() ? "none" : quarantine});
  return arguments;
}

absl::Status ToolFailure(const ProcessEnd& end, const PackRequest& request) {
  const std::string what = end.exit_code.has_value()
                               ? absl::StrCat("ecg-data could not pack ", request.dataset, " (exit code ",
                                              *end.exit_code, "): see the log")
                               : absl::StrCat("ecg-data was ended by signal ", end.signal.value_or(0),
                                              " while it packed ", request.dataset);
  switch (end.exit_code.value_or(-1)) {
    case 3:
      return WithErrorInfo(absl::NotFoundError(what), "DATA_MISSING");
    case 4:
      return WithErrorInfo(absl::DataLossError(what), "DATA_CORRUPT");
    case 8:
      return WithErrorInfo(absl::ResourceExhaustedError(what), "DISK_FULL");
    default:
      return WithErrorInfo(absl::InternalError(what), "START_FAILED");
  }
}

// All that the tool writes to standard output, until it closes it.
std::string ReadOutput(int fd) {
  std::string output;
  char buffer[4096];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return output;
    output.append(buffer, static_cast<size_t>(got));
    // What counts is the last line.
    if (output.size() > kMaxOutputBytes) output.erase(0, output.size() - kMaxOutputBytes / 2);
  }
}

absl::StatusOr<KnownPack> PackInOutput(const std::string& output) {
  const std::vector<std::string> lines = absl::StrSplit(output, '\n', absl::SkipWhitespace());
  const absl::StatusOr<nlohmann::json> answer = ParseJson(lines.empty() ? "" : lines.back(), "ecg-data");
  absl::StatusOr<KnownPack> known = answer.ok() ? ParseKnownPack(*answer) : answer.status();
  if (known.ok()) return known;
  return WithErrorInfo(absl::InternalError(absl::StrCat("the last line of ecg-data's output names no pack: ",
                                                        known.status().message())),
                       "START_FAILED");
}

}  // namespace

PackStore::PackStore(std::filesystem::path folder, std::filesystem::path data_tool,
                     std::map<std::string, DatasetSettings> datasets, std::function<void()> on_change)
    : folder_(std::move(folder)),
      data_tool_(std::move(data_tool)),
      datasets_(std::move(datasets)),
      on_change_(std::move(on_change)),
      index_(ReadIndex(folder_ / "index.json")) {}

absl::StatusOr<KnownPack> PackStore::Ensure(const PackRequest& request, int log_fd, Cancellation& stop) {
  const auto dataset = datasets_.find(request.dataset);
  if (dataset == datasets_.end()) {
    return WithErrorInfo(absl::NotFoundError(absl::StrCat("this worker has no data set ", request.dataset)),
                         "DATA_MISSING");
  }
  const std::string key = KeyOf(dataset->second, request);
  bool made_meanwhile = false;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (under_way_.insert(key).second) break;
    }
    made_meanwhile = true;
    if (!stop.SleepFor(kPollOther))
      return absl::CancelledError("stopped while another attempt made the pack");
  }
  absl::Cleanup release = [this, &key] {
    MutexLock lock(mutex_);
    under_way_.erase(key);
  };
  if (std::optional<KnownPack> known = made_meanwhile ? Remembered(key) : std::nullopt)
    return *std::move(known);
  absl::StatusOr<KnownPack> made = Make(dataset->second, request, log_fd, stop);
  if (absl::IsNotFound(made.status())) {
    if (std::optional<KnownPack> known = Remembered(key)) {
      LogWarning("recordings are gone, their pack of last time serves", {{"dataset", request.dataset}});
      return *std::move(known);
    }
  }
  RETURN_IF_ERROR(made.status());
  Remember(key, *made);
  return made;
}

std::string PackStore::VersionOf(const std::string& dataset) const {
  const auto found = datasets_.find(dataset);
  return found == datasets_.end() ? "" : found->second.version;
}

std::vector<v1::WorkerDataset> PackStore::Describe() {
  std::map<std::string, KnownPack> index;
  {
    MutexLock lock(mutex_);
    index = index_;
  }
  std::vector<v1::WorkerDataset> all;
  for (const auto& [name, settings] : datasets_) {
    v1::WorkerDataset& dataset = all.emplace_back();
    dataset.set_name(name);
    dataset.set_type(settings.type);
    dataset.set_version(settings.version);
    dataset.set_licence(settings.licence);
    for (const auto& [key, known] : index) {
      const v1::DatasetPack& pack = known.description;
      std::error_code error;
      // Entries of other settings have other keys.
      if (key == KeyOf(settings, {name, pack.rate(), pack.highpass()}) &&
          std::filesystem::is_regular_file(known.path, error))
        *dataset.add_packs() = pack;
    }
  }
  return all;
}

absl::StatusOr<KnownPack> PackStore::Make(const DatasetSettings& dataset, const PackRequest& request,
                                          int log_fd, Cancellation& stop) {
  RETURN_IF_ERROR(MakeDirectories(folder_));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FileError(errno, "make pipe for", data_tool_);
  const UniqueFd from_tool(ends[0]);
  UniqueFd to_us(ends[1]);
  ChildOptions options{.program = data_tool_,
                       .arguments = PackArguments(dataset, request, folder_),
                       .environment = InheritedEnvironment(),
                       .directory = folder_,
                       .stdout_fd = to_us.get(),
                       .stderr_fd = log_fd};
  std::promise<ProcessEnd> ended;
  ASSIGN_OR_RETURN(const std::unique_ptr<ChildProcess> tool,
                   ChildProcess::Spawn(options, [&ended](const ProcessEnd& end) { ended.set_value(end); }),
                   WithErrorInfo(_, "START_FAILED"));
  to_us.Reset();
  const Cancellation::Scope scope(stop, [&tool] { tool->Kill(); });
  const std::string output = ReadOutput(from_tool.get());
  const ProcessEnd end = ended.get_future().get();
  if (stop.cancelled()) return absl::CancelledError("stopped while packing");
  if (end.exit_code != 0) return ToolFailure(end, request);
  return PackInOutput(output);
}

std::optional<KnownPack> PackStore::Remembered(const std::string& key) {
  std::optional<KnownPack> known;
  {
    MutexLock lock(mutex_);
    const auto entry = index_.find(key);
    if (entry == index_.end()) return std::nullopt;
    known = entry->second;
  }
  std::error_code error;
  return std::filesystem::is_regular_file(known->path, error) ? known : std::nullopt;
}

void PackStore::Remember(const std::string& key, const KnownPack& pack) {
  nlohmann::json document = nlohmann::json::object();
  {
    MutexLock lock(mutex_);
    KnownPack& known = index_[key];
    if (known.path == pack.path && known.description.digest() == pack.description.digest()) return;
    known = pack;
    for (const auto& [other, entry] : index_) document[other] = IndexEntry(entry);
  }
  const absl::Status status = WriteFileDurably(folder_ / "index.json", DumpJson(document) + "\n");
  // Costs the next start of the worker what it knew of its packs until a job asks for them.
  if (!status.ok()) LogWarning("pack index not written", {{"error", status.message()}});
  on_change_();
}

}  // namespace ecgtrain
