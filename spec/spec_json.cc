#include "spec/spec_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "spec/field_value.h"

namespace ecgtrain {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

enum class Style { kProtobufJson, kForPeople };

Json ToJson(const Message& message, Style style);

Json MapToJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  nlohmann::json sorted = nlohmann::json::object();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const std::string key = entry.GetReflection()->GetString(entry, field.message_type()->map_key());
    sorted[key] = entry.GetReflection()->GetString(entry, field.message_type()->map_value());
  }
  Json result = Json::object();
  for (const auto& [key, value] : sorted.items()) result[key] = value.get<std::string>();
  return result;
}

Json ListToJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  Json result = Json::array();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
      result.push_back(reflection.GetRepeatedUInt32(message, &field, i));
    } else {
      result.push_back(reflection.GetRepeatedString(message, &field, i));
    }
  }
  return result;
}

Json ScalarToJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field);
    default:
      return reflection.GetString(message, &field);
  }
}

// "600s" as protobuf JSON has it, or "10m".
Json DurationToJson(const Message& duration, Style style) {
  google::protobuf::Duration value;
  value.CopyFrom(duration);
  if (style == Style::kProtobufJson || value.nanos() != 0 || value.seconds() <= 0) {
    return google::protobuf::util::TimeUtil::ToString(value);
  }
  return absl::FormatDuration(absl::Seconds(value.seconds()));
}

Json ToJson(const Message& message, Style style) {
  const Reflection& reflection = *message.GetReflection();
  Json result = Json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const bool present = field.is_repeated() ? reflection.FieldSize(message, &field) > 0
                                             : reflection.HasField(message, &field);
    if (!present) continue;
    if (field.is_map()) {
      result[field.name()] = MapToJson(message, field);
    } else if (field.is_repeated()) {
      result[field.name()] = ListToJson(message, field);
    } else if (IsDuration(field)) {
      result[field.name()] = DurationToJson(reflection.GetMessage(message, &field), style);
    } else if (IsSection(field)) {
      result[field.name()] = ToJson(reflection.GetMessage(message, &field), style);
    } else {
      result[field.name()] = ScalarToJson(message, field);
    }
  }
  return result;
}

std::string Dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// "1h30m" begins with a digit and yet is no number to any YAML reader.
bool LooksLikeDuration(absl::string_view text) {
  return !text.empty() && absl::ascii_isdigit(text.front()) && absl::ascii_isalpha(text.back()) &&
         text.find_first_not_of("0123456789hms") == absl::string_view::npos;
}

// Words that no YAML reader takes for anything else stay without quotes; the rest is quoted as in JSON.
std::string YamlScalar(const Json& value) {
  if (!value.is_string()) return Dump(value);
  const auto& text = value.get_ref<const std::string&>();
  const auto plain = [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == '@';
  };
  const std::string lower = absl::AsciiStrToLower(text);
  for (const absl::string_view special : {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (lower == special) return Dump(value);
  }
  if (LooksLikeDuration(text)) return text;
  const bool word =
      !text.empty() && absl::ascii_isalpha(text[0]) && std::all_of(text.begin(), text.end(), plain);
  return word ? text : Dump(value);
}

void AppendYaml(const Json& object, int indent, std::string& out) {
  for (const auto& [key, value] : object.items()) {
    absl::StrAppend(&out, std::string(indent, ' '), YamlScalar(key), ":");
    if (value.is_object() && !value.empty()) {
      out += '\n';
      AppendYaml(value, indent + 2, out);
    } else if (value.is_array()) {
      const auto append = [](std::string* text, const Json& item) {
        absl::StrAppend(text, YamlScalar(item));
      };
      absl::StrAppend(&out, " [", absl::StrJoin(value, ", ", append), "]\n");
    } else {
      absl::StrAppend(&out, " ", YamlScalar(value), "\n");
    }
  }
}

}  // namespace

std::string SpecToJson(const v1::JobSpec& spec) { return Dump(ToJson(spec, Style::kProtobufJson)); }

std::string SpecToYaml(const v1::JobSpec& spec) {
  std::string text;
  const Json value = ToJson(spec, Style::kForPeople);
  if (value.empty()) return "{}\n";
  AppendYaml(value, 0, text);
  return text;
}

}  // namespace ecgtrain
