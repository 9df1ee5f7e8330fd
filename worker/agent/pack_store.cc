#include "worker/agent/pack_store.h"

#include <errno.h>
#include <fcntl.h>
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

std::map<std::string, std::string> ReadIndex(const std::filesystem::path& file) {
  std::map<std::string, std::string> index;
  const absl::StatusOr<std::string> text = ReadFile(file, 16 << 20);
  if (!text.ok()) return index;
  const absl::StatusOr<nlohmann::json> document = ParseJson(*text, file.string());
  // Only a memory: ecg-data answers again where it is lost.
  if (!document.ok() || !document->is_object()) return index;
  for (const auto& [key, value] : document->items()) {
    if (value.is_string()) index[key] = value.get<std::string>();
  }
  return index;
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

absl::StatusOr<std::filesystem::path> PathInOutput(const std::string& output) {
  const std::vector<std::string> lines = absl::StrSplit(output, '\n', absl::SkipWhitespace());
  const absl::Status bad =
      WithErrorInfo(absl::InternalError("the last line of ecg-data's output names no pack"), "START_FAILED");
  if (lines.empty()) return bad;
  const absl::StatusOr<nlohmann::json> answer = ParseJson(lines.back(), "ecg-data");
  if (!answer.ok() || !answer->is_object() || !answer->contains("path") || !(*answer)["path"].is_string())
    return bad;
  return std::filesystem::absolute((*answer)["path"].get<std::string>());
}

}  // namespace

PackStore::PackStore(std::filesystem::path folder, std::filesystem::path data_tool,
                     std::map<std::string, DatasetSettings> datasets)
    : folder_(std::move(folder)),
      data_tool_(std::move(data_tool)),
      datasets_(std::move(datasets)),
      index_(ReadIndex(folder_ / "index.json")) {}

absl::StatusOr<std::filesystem::path> PackStore::Ensure(const PackRequest& request, int log_fd,
                                                        Cancellation& stop) {
  const auto dataset = datasets_.find(request.dataset);
  if (dataset == datasets_.end()) {
    return WithErrorInfo(absl::NotFoundError(absl::StrCat("this worker has no data set ", request.dataset)),
                         "DATA_MISSING");
  }
  const std::string key = KeyOf(dataset->second, request);
  while (true) {
    const std::filesystem::path known = Remembered(key);
    if (!known.empty()) return known;
    {
      MutexLock lock(mutex_);
      if (under_way_.insert(key).second) break;
    }
    if (!stop.SleepFor(kPollOther))
      return absl::CancelledError("stopped while another attempt made the pack");
  }
  absl::Cleanup release = [this, &key] {
    MutexLock lock(mutex_);
    under_way_.erase(key);
  };
  ASSIGN_OR_RETURN(const std::filesystem::path pack, Make(dataset->second, request, log_fd, stop));
  Remember(key, pack);
  return pack;
}

absl::StatusOr<std::filesystem::path> PackStore::Make(const DatasetSettings& dataset,
                                                      const PackRequest& request, int log_fd,
                                                      Cancellation& stop) {
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
  return PathInOutput(output);
}

std::filesystem::path PackStore::Remembered(const std::string& key) {
  std::filesystem::path pack;
  {
    MutexLock lock(mutex_);
    const auto entry = index_.find(key);
    if (entry != index_.end()) pack = entry->second;
  }
  std::error_code error;
  return !pack.empty() && std::filesystem::is_regular_file(pack, error) ? pack : std::filesystem::path();
}

void PackStore::Remember(const std::string& key, const std::filesystem::path& pack) {
  nlohmann::json document = nlohmann::json::object();
  {
    MutexLock lock(mutex_);
    index_[key] = pack.string();
    for (const auto& [known, path] : index_) document[known] = path;
  }
  const absl::Status status = WriteFileDurably(folder_ / "index.json", DumpJson(document) + "\n");
  // Costs the next start of the worker one more question to ecg-data.
  if (!status.ok()) LogWarning("pack index not written", {{"error", status.message()}});
}

}  // namespace ecgtrain
