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
#include "spec/field_value.h"

namespace ecgtrain {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

Json ToJson(const Message& message);

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

Json DurationToJson(const Message& duration) {
  google::protobuf::Duration value;
  value.CopyFrom(duration);
  return google::protobuf::util::TimeUtil::ToString(value);
}

Json ToJson(const Message& message) {
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
      result[field.name()] = DurationToJson(reflection.GetMessage(message, &field));
    } else if (IsSection(field)) {
      result[field.name()] = ToJson(reflection.GetMessage(message, &field));
    } else {
      result[field.name()] = ScalarToJson(message, field);
    }
  }
  return result;
}

std::string Dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Words that no YAML reader takes for anything else stay without quotes; the rest is quoted as in JSON.
std::string YamlScalar(const Json& value) {
  if (!value.is_string()) return Dump(value);
  const auto& text = value.get_ref<const std::string&>();
  const auto plain = [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == '@';
  };
  const std::string lower = absl::AsciiStrToLower(text);
  for (const absl::string_view word : {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (lower == word) return Dump(value);
  }
  if (text.empty() || !absl::ascii_isalpha(text[0]) || !std::all_of(text.begin(), text.end(), plain))
    return Dump(value);
  return text;
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

std::string SpecToJson(const v1::JobSpec& spec) { return Dump(ToJson(spec)); }

std::string SpecToYaml(const v1::JobSpec& spec) {
  std::string text;
  const Json value = ToJson(spec);
  if (value.empty()) return "{}\n";
  AppendYaml(value, 0, text);
  return text;
}

}  // namespace ecgtrain
