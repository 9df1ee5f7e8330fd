#include "worker/agent/event_parser.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/json.h"
#include "common/nearest_name.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "worker/agent/attempt_directory.h"
#include "worker/agent/short_message.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {
namespace {

absl::Status WrongMember(absl::string_view key, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" is not ", expected));
}

absl::StatusOr<const nlohmann::json*> Member(const nlohmann::json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end()) return absl::InvalidArgumentError(absl::StrCat("no \"", key, "\""));
  return &*member;
}

absl::StatusOr<uint64_t> Unsigned(const nlohmann::json& object, const char* key,
                                  uint64_t limit = std::numeric_limits<uint64_t>::max()) {
  ASSIGN_OR_RETURN(const nlohmann::json* member, Member(object, key));
  if (!member->is_number_unsigned() || member->get<uint64_t>() > limit) {
    return WrongMember(key, "a whole number in range");
  }
  return member->get<uint64_t>();
}

absl::StatusOr<uint32_t> Unsigned32(const nlohmann::json& object, const char* key) {
  return Unsigned(object, key, std::numeric_limits<uint32_t>::max());
}

absl::StatusOr<std::string> String(const nlohmann::json& object, const char* key) {
  ASSIGN_OR_RETURN(const nlohmann::json* member, Member(object, key));
  if (!member->is_string()) return WrongMember(key, "a string");
  return member->get<std::string>();
}

absl::StatusOr<bool> Bool(const nlohmann::json& object, const char* key) {
  ASSIGN_OR_RETURN(const nlohmann::json* member, Member(object, key));
  if (!member->is_boolean()) return WrongMember(key, "true or false");
  return member->get<bool>();
}

// A number, or one of the strings that stand for what JSON has no number for.
absl::StatusOr<double> NumberValue(const nlohmann::json& value, absl::string_view key) {
  if (value.is_number()) return value.get<double>();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  return WrongMember(key, "a number, \"nan\", \"inf\" or \"-inf\"");
}

absl::StatusOr<double> Number(const nlohmann::json& object, const char* key) {
  ASSIGN_OR_RETURN(const nlohmann::json* member, Member(object, key));
  return NumberValue(*member, key);
}

template <typename Map>
absl::Status Values(const nlohmann::json& object, const char* key, Map& values) {
  ASSIGN_OR_RETURN(const nlohmann::json* member, Member(object, key));
  if (!member->is_object()) return WrongMember(key, "an object");
  for (const auto& [name, value] : member->items()) {
    ASSIGN_OR_RETURN(values[name], NumberValue(value, name));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ArtifactFile> File(const nlohmann::json& object, absl::string_view name) {
  v1::ArtifactFile file;
  if (!IsPlainFileName(name)) return absl::InvalidArgumentError(absl::StrCat("bad file name \"", name, "\""));
  file.set_name(std::string(name));
  ASSIGN_OR_RETURN(const uint64_t size, Unsigned(object, "size"));
  ASSIGN_OR_RETURN(const std::string sha256, String(object, "sha256"));
  if (!IsSha256Hex(sha256)) return WrongMember("sha256", "64 lower-case hexadecimal digits");
  file.set_size(size);
  file.set_sha256(sha256);
  return file;
}

// "records": {"train": 10} becomes records.train = 10.
void Flatten(const std::string& prefix, const nlohmann::json& value,
             google::protobuf::Map<std::string, std::string>& environment) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items())
      Flatten(absl::StrCat(prefix, ".", key), member, environment);
  } else {
    environment[prefix] = value.is_string() ? value.get<std::string>() : DumpJson(value);
  }
}

absl::Status ParsePhase(const nlohmann::json& line, v1::PhaseEvent& phase) {
  ASSIGN_OR_RETURN(*phase.mutable_phase(), String(line, "phase"));
  static constexpr absl::string_view kKnown[] = {"preparing", "training", "validating", "testing",
                                                 "finishing"};
  bool known = false;
  for (const absl::string_view name : kKnown) known = known || phase.phase() == name;
  if (!known) return absl::InvalidArgumentError(absl::StrCat("unknown phase \"", phase.phase(), "\""));
  if (line.contains("resumed_step")) {
    ASSIGN_OR_RETURN(const uint64_t step, Unsigned(line, "resumed_step"));
    phase.set_resumed_step(step);
  }
  for (const char* key : {"device", "precision", "threads", "parameters", "records", "source_digest"}) {
    if (line.contains(key)) Flatten(key, line[key], *phase.mutable_environment());
  }
  return absl::OkStatus();
}

absl::Status ParseProgress(const nlohmann::json& line, v1::Progress& progress) {
  ASSIGN_OR_RETURN(const uint64_t step, Unsigned(line, "step"));
  ASSIGN_OR_RETURN(const uint64_t total_steps, Unsigned(line, "total_steps"));
  ASSIGN_OR_RETURN(const uint32_t epoch, Unsigned32(line, "epoch"));
  ASSIGN_OR_RETURN(const uint32_t epochs, Unsigned32(line, "epochs"));
  ASSIGN_OR_RETURN(const double rate, Number(line, "records_per_second"));
  ASSIGN_OR_RETURN(const double step_seconds, Number(line, "step_seconds"));
  ASSIGN_OR_RETURN(const double data_wait, Number(line, "data_wait_seconds"));
  progress.set_step(step);
  progress.set_total_steps(total_steps);
  progress.set_epoch(epoch);
  progress.set_epochs(epochs);
  progress.set_records_per_second(rate);
  progress.set_step_seconds(step_seconds);
  progress.set_data_wait_seconds(data_wait);
  return absl::OkStatus();
}

absl::Status ParseMetrics(const nlohmann::json& line, v1::MetricsEvent& metrics) {
  ASSIGN_OR_RETURN(const uint64_t step, Unsigned(line, "step"));
  ASSIGN_OR_RETURN(const uint32_t epoch, Unsigned32(line, "epoch"));
  metrics.set_step(step);
  metrics.set_epoch(epoch);
  return Values(line, "values", *metrics.mutable_values());
}

absl::Status ParseCheckpoint(const nlohmann::json& line, v1::CheckpointEvent& checkpoint) {
  ASSIGN_OR_RETURN(*checkpoint.mutable_name(), String(line, "name"));
  ASSIGN_OR_RETURN(const uint64_t step, Unsigned(line, "step"));
  ASSIGN_OR_RETURN(const uint32_t epoch, Unsigned32(line, "epoch"));
  ASSIGN_OR_RETURN(const bool best, Bool(line, "best"));
  if (run_directory::CheckpointStep(checkpoint.name()) != step) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", checkpoint.name(), "\" is no checkpoint of step ", step));
  }
  checkpoint.set_step(step);
  checkpoint.set_epoch(epoch);
  checkpoint.set_best(best);
  if (line.contains("metric") && !line["metric"].is_null()) {  // absent before the first validation
    if (!line["metric"].is_object()) return WrongMember("metric", "an object");
    ASSIGN_OR_RETURN(*checkpoint.mutable_metric_name(), String(line["metric"], "name"));
    ASSIGN_OR_RETURN(const double value, Number(line["metric"], "value"));
    checkpoint.set_metric_value(value);
  }
  ASSIGN_OR_RETURN(const nlohmann::json* files, Member(line, "files"));
  if (!files->is_array() || files->empty()) return WrongMember("files", "a list of files");
  for (const nlohmann::json& entry : *files) {
    if (!entry.is_object()) return WrongMember("files", "a list of files");
    ASSIGN_OR_RETURN(const std::string name, String(entry, "name"));
    ASSIGN_OR_RETURN(*checkpoint.add_files(), File(entry, name));
  }
  return absl::OkStatus();
}

absl::Status ParseCheckpointRemoved(const nlohmann::json& line, v1::CheckpointRemovedEvent& removed) {
  ASSIGN_OR_RETURN(*removed.mutable_name(), String(line, "name"));
  if (run_directory::CheckpointStep(removed.name()).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("\"", removed.name(), "\" is no checkpoint"));
}

absl::Status ParseArtifact(const nlohmann::json& line, v1::ArtifactEvent& artifact) {
  ASSIGN_OR_RETURN(const std::string path, String(line, "path"));
  // Under artifacts/, whether or not the path says so.
  const absl::string_view relative = absl::StartsWith(path, "artifacts/")
                                         ? absl::string_view(path).substr(strlen("artifacts/"))
                                         : absl::string_view(path);
  const std::vector<absl::string_view> parts = absl::StrSplit(relative, '/');
  for (const absl::string_view part : parts) {
    if (!IsPlainFileName(part)) return absl::InvalidArgumentError(absl::StrCat("bad path \"", path, "\""));
  }
  artifact.set_path(std::string(relative));
  ASSIGN_OR_RETURN(*artifact.mutable_kind(), String(line, "kind"));
  if (artifact.kind() != "predictions" && artifact.kind() != "scores" && artifact.kind() != "splits") {
    return absl::InvalidArgumentError(absl::StrCat("unknown kind \"", artifact.kind(), "\""));
  }
  ASSIGN_OR_RETURN(*artifact.mutable_file(), File(line, parts.back()));
  return absl::OkStatus();
}

absl::Status ParseWarning(const nlohmann::json& line, v1::WarningEvent& warning) {
  ASSIGN_OR_RETURN(*warning.mutable_code(), String(line, "code"));
  ASSIGN_OR_RETURN(*warning.mutable_message(), String(line, "message"));
  return absl::OkStatus();
}

absl::Status ParseResult(const nlohmann::json& line, v1::ResultEvent& result) {
  RETURN_IF_ERROR(Values(line, "values", *result.mutable_values()));
  for (const char* key : {"classes_scored", "classes_left_out", "records"}) {
    if (!line.contains(key)) continue;
    const nlohmann::json& member = line[key];
    if (member.is_array()) {  // names of classes: people want their number here
      (*result.mutable_values())[key] = static_cast<double>(member.size());
    } else {
      ASSIGN_OR_RETURN((*result.mutable_values())[key], NumberValue(member, key));
    }
  }
  return absl::OkStatus();
}

absl::Status ParseError(const nlohmann::json& line, v1::ErrorEvent& error) {
  ASSIGN_OR_RETURN(*error.mutable_reason(), String(line, "reason"));
  ASSIGN_OR_RETURN(*error.mutable_message(), String(line, "message"));
  return absl::OkStatus();
}

absl::Status ParseBody(const std::string& type, const nlohmann::json& line, v1::TrainerEvent& event) {
  if (type == "phase") return ParsePhase(line, *event.mutable_phase());
  if (type == "progress") return ParseProgress(line, *event.mutable_progress());
  if (type == "metrics") return ParseMetrics(line, *event.mutable_metrics());
  if (type == "checkpoint") return ParseCheckpoint(line, *event.mutable_checkpoint());
  if (type == "checkpoint_removed") return ParseCheckpointRemoved(line, *event.mutable_checkpoint_removed());
  if (type == "artifact") return ParseArtifact(line, *event.mutable_artifact());
  if (type == "warning") return ParseWarning(line, *event.mutable_warning());
  if (type == "result") return ParseResult(line, *event.mutable_result());
  if (type == "error") return ParseError(line, *event.mutable_error());
  static const std::vector<std::string>& known =
      *new std::vector<std::string>{"phase",    "progress", "metrics", "checkpoint", "checkpoint_removed",
                                    "artifact", "warning",  "result",  "error"};
  return absl::InvalidArgumentError(absl::StrCat("unknown type \"", type, "\"", DidYouMean(type, known)));
}

}  // namespace

absl::StatusOr<v1::TrainerEvent> ParseEventLine(absl::string_view line) {
  if (line.size() > run_directory::kMaxEventBytes) {
    return absl::InvalidArgumentError(absl::StrCat("longer than ", run_directory::kMaxEventBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(line, "event"));
  if (!json.is_object()) return absl::InvalidArgumentError("not an object");
  v1::TrainerEvent event;
  ASSIGN_OR_RETURN(const uint64_t seq, Unsigned(json, "seq"));
  ASSIGN_OR_RETURN(const double time, Number(json, "time"));
  ASSIGN_OR_RETURN(const std::string type, String(json, "type"));
  if (!std::isfinite(time)) return WrongMember("time", "a finite number");
  event.set_seq(seq);
  event.set_time(time);
  RETURN_IF_ERROR(ParseBody(type, json, event));
  return event;
}

v1::TrainerEvent BadEvent(uint64_t seq, const absl::Status& problem) {
  v1::TrainerEvent event;
  event.set_seq(seq);
  event.mutable_warning()->set_code("BAD_EVENT");
  event.mutable_warning()->set_message(
      ShortMessage(absl::StrCat("line ", seq, " of events.jsonl: ", problem.message())));
  return event;
}

}  // namespace ecgtrain
