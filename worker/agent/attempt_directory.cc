#include "worker/agent/attempt_directory.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "spec/spec_json.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kMaxRecordBytes = 1 << 20;

absl::StatusOr<nlohmann::json> ReadObject(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxRecordBytes));
  ASSIGN_OR_RETURN(nlohmann::json value, ParseJson(text, path.string()), absl::DataLossError(_.message()));
  if (!value.is_object()) return absl::DataLossError(absl::StrCat(path.string(), ": not a JSON object"));
  return value;
}

absl::StatusOr<int64_t> IntegerMember(const nlohmann::json& object, const char* key,
                                      const std::filesystem::path& path) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_number_integer()) {
    return absl::DataLossError(absl::StrCat(path.string(), ": \"", key, "\" is not an integer"));
  }
  return member->get<int64_t>();
}

std::string StringMember(const nlohmann::json& object, const char* key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_string() ? member->get<std::string>() : "";
}

nlohmann::json DeviceJson(const TrainerDevice& device) {
  nlohmann::json json = {{"kind", device.kind}, {"threads", device.threads}};
  if (device.kind == "gpu") json["uuids"] = device.uuids;
  return json;
}

}  // namespace

std::string AttemptName(const v1::AttemptRef& attempt) {
  return absl::StrCat(attempt.job_id(), ".", attempt.attempt());
}

bool SameAttempt(const v1::AttemptRef& a, const v1::AttemptRef& b) {
  return a.job_id() == b.job_id() && a.attempt() == b.attempt() && a.token() == b.token();
}

bool IsPlainFileName(absl::string_view name) {
  return !name.empty() && name.size() <= 255 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; });
}

absl::StatusOr<AttemptDirectory> AttemptDirectory::Open(const std::filesystem::path& path) {
  const std::filesystem::path file = path / run_directory::kSpecFile;
  ASSIGN_OR_RETURN(const nlohmann::json spec, ReadObject(file));
  v1::AttemptRef attempt;
  ASSIGN_OR_RETURN(const int64_t job, IntegerMember(spec, "job", file));
  ASSIGN_OR_RETURN(const int64_t number, IntegerMember(spec, "attempt", file));
  ASSIGN_OR_RETURN(const int64_t token, IntegerMember(spec, "token", file));
  attempt.set_job_id(job);
  attempt.set_attempt(static_cast<uint32_t>(number));
  attempt.set_token(token);
  if (AttemptName(attempt) != path.filename().string()) {
    return absl::DataLossError(absl::StrCat(file.string(), " is of attempt ", AttemptName(attempt)));
  }
  return AttemptDirectory(path.parent_path(), attempt);
}

absl::Status AttemptDirectory::Create() const {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (error) return FileError(error.value(), "clear", path_);
  std::filesystem::create_directories(path_ / run_directory::kCheckpointsFolder, error);
  return error ? FileError(error.value(), "make folder", path_) : absl::OkStatus();
}

absl::Status AttemptDirectory::WriteSpec(const TrainerSpec& spec) const {
  ASSIGN_OR_RETURN(nlohmann::json job, ParseJson(SpecToJson(spec.spec), "specification"));
  nlohmann::json inputs = nlohmann::json::object();
  if (spec.parent) inputs["parent"] = run_directory::kParentFolder;
  if (spec.resume) inputs["resume"] = run_directory::kResumeFolder;
  nlohmann::json data = {{"pack", spec.pack.string()}};
  if (!spec.source_digest.empty()) data["source_digest"] = spec.source_digest;
  const nlohmann::json document = {{"format", run_directory::kFormat}, {"job", attempt_.job_id()},
                                   {"attempt", attempt_.attempt()},    {"token", attempt_.token()},
                                   {"spec", std::move(job)},           {"data", std::move(data)},
                                   {"inputs", std::move(inputs)},      {"device", DeviceJson(spec.device)}};
  const std::filesystem::path file = File(run_directory::kSpecFile);
  const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return FileError(errno, "create", file);
  return WriteFully(fd.get(), DumpJson(document) + "\n", file);
}

absl::Status AttemptDirectory::Sync() const {
  RETURN_IF_ERROR(SyncPath(File(run_directory::kSpecFile)));
  RETURN_IF_ERROR(SyncPath(path_));
  return SyncPath(path_.parent_path());
}

absl::Status AttemptDirectory::WriteProcess(const ProcessRecord& record) const {
  const nlohmann::json document = {{"format", run_directory::kFormat},
                                   {"pid", record.pid},
                                   {"start_time", record.start_time},
                                   {"token", record.token},
                                   {"devices", record.devices}};
  return WriteFileDurably(File(run_directory::kProcessFile), DumpJson(document) + "\n");
}

absl::StatusOr<ProcessRecord> AttemptDirectory::ReadProcess() const {
  const std::filesystem::path file = File(run_directory::kProcessFile);
  ASSIGN_OR_RETURN(const nlohmann::json document, ReadObject(file));
  ProcessRecord record;
  ASSIGN_OR_RETURN(const int64_t pid, IntegerMember(document, "pid", file));
  ASSIGN_OR_RETURN(const int64_t start_time, IntegerMember(document, "start_time", file));
  ASSIGN_OR_RETURN(record.token, IntegerMember(document, "token", file));
  if (pid <= 1 || pid > INT32_MAX) return absl::DataLossError(absl::StrCat(file.string(), ": pid ", pid));
  record.pid = static_cast<pid_t>(pid);
  record.start_time = static_cast<uint64_t>(start_time);
  if (record.token != attempt_.token()) {
    return absl::DataLossError(
        absl::StrCat(file.string(), ": token ", record.token, " is not the attempt's ", attempt_.token()));
  }
  const auto devices = document.find("devices");
  if (devices != document.end() && devices->is_array()) {
    for (const nlohmann::json& device : *devices) {
      if (device.is_string()) record.devices.push_back(device.get<std::string>());
    }
  }
  return record;
}

absl::StatusOr<ExitRecord> AttemptDirectory::ReadExit() const {
  const std::filesystem::path file = File(run_directory::kExitFile);
  ASSIGN_OR_RETURN(const nlohmann::json document, ReadObject(file));
  const std::string name = StringMember(document, "reason");
  const std::optional<run_directory::ExitReason> reason = run_directory::ExitReasonFromName(name);
  if (!reason.has_value()) {
    return absl::DataLossError(absl::StrCat(file.string(), ": unknown reason \"", name, "\""));
  }
  ExitRecord record{.reason = *reason, .message = StringMember(document, "message")};
  const auto step = document.find("step");
  if (step != document.end() && step->is_number_unsigned()) record.step = step->get<uint64_t>();
  return record;
}

}  // namespace ecgtrain
