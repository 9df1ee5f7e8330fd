#include "worker/train/json_fields.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/nearest_name.h"

namespace ecgtrain {

using Json = nlohmann::json;

JsonFields::JsonFields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
  if (!json.is_object()) Fail("", "must be an object");
}

std::string JsonFields::Path(absl::string_view key) const {
  if (where_.empty() || key.empty()) return absl::StrCat(where_, key);
  return absl::StrCat(where_, ".", key);
}

void JsonFields::Fail(absl::string_view key, absl::string_view problem) {
  if (status_.ok()) status_ = absl::InvalidArgumentError(absl::StrCat(Path(key), ": ", problem));
}

void JsonFields::FailUnknownName(const char* key, absl::string_view name,
                                 const std::vector<std::string>& known) {
  Fail(key, absl::StrCat("\"", name, "\" is not known", DidYouMean(name, known)));
}

const Json* JsonFields::Find(const char* key) {
  known_.emplace_back(key);
  if (!status_.ok()) return nullptr;
  const auto member = json_.find(key);
  return member == json_.end() || member->is_null() ? nullptr : &*member;
}

bool JsonFields::Has(const char* key) { return Find(key) != nullptr; }

void JsonFields::Read(const char* key, bool& value) {
  const Json* member = Find(key);
  if (member == nullptr) return;
  if (!member->is_boolean()) return Fail(key, "must be true or false");
  value = member->get<bool>();
}

void JsonFields::Read(const char* key, double& value, double min, double max) {
  const Json* member = Find(key);
  if (member == nullptr) return;
  if (!member->is_number()) return Fail(key, "must be a number");
  value = member->get<double>();
  if (!(value >= min && value <= max)) Fail(key, absl::StrCat(value, " is not between ", min, " and ", max));
}

void JsonFields::ReadUint64(const char* key, uint64_t& value, uint64_t min, uint64_t max) {
  const Json* member = Find(key);
  if (member == nullptr) return;
  if (member->is_string()) {
    if (!absl::SimpleAtoi(member->get_ref<const std::string&>(), &value))
      return Fail(key, "must be a whole number");
  } else if (member->is_number_unsigned()) {
    value = member->get<uint64_t>();
  } else {
    return Fail(key, "must be a whole number, not below 0");
  }
  if (value < min || value > max) Fail(key, absl::StrCat(value, " is not between ", min, " and ", max));
}

void JsonFields::Read(const char* key, std::string& value) {
  const Json* member = Find(key);
  if (member == nullptr) return;
  if (!member->is_string()) return Fail(key, "must be a string");
  if (!member->get_ref<const std::string&>().empty()) value = member->get<std::string>();
}

void JsonFields::Read(const char* key, std::vector<uint32_t>& value, uint32_t min, uint32_t max) {
  const Json* member = Find(key);
  if (member == nullptr) return;
  if (!member->is_array()) return Fail(key, "must be a list of whole numbers");
  if (member->empty()) return;  // protobuf prints an absent list so
  value.clear();
  for (const Json& element : *member) {
    if (!element.is_number_unsigned() || element.get<uint64_t>() < min || element.get<uint64_t>() > max) {
      return Fail(key, absl::StrCat(element.dump(), " is not a whole number between ", min, " and ", max));
    }
    value.push_back(element.get<uint32_t>());
  }
}

void JsonFields::ReadStrings(const char* key, std::vector<std::string>& value) {
  const Json* member = Find(key);
  if (member == nullptr) return;
  if (!member->is_array()) return Fail(key, "must be a list of strings");
  value.clear();
  for (const Json& element : *member) {
    if (!element.is_string()) return Fail(key, "must be a list of strings");
    value.push_back(element.get<std::string>());
  }
}

void JsonFields::ReadSeconds(const char* key, absl::Duration& value, double min, double max) {
  std::string text;
  Read(key, text);
  if (text.empty()) return;
  double seconds = 0;
  if (!absl::EndsWith(text, "s") || !absl::SimpleAtod(absl::StripSuffix(text, "s"), &seconds)) {
    return Fail(key, absl::StrCat("\"", text, "\" is not a duration in seconds, as in \"600s\""));
  }
  if (!(seconds >= min && seconds <= max)) {
    return Fail(key, absl::StrCat(text, " is not between ", min, "s and ", max, "s"));
  }
  value = absl::Seconds(seconds);
}

const Json& JsonFields::Object(const char* key) {
  static const Json& empty = *new Json(Json::object());
  const Json* member = Find(key);
  return member == nullptr ? empty : *member;
}

void JsonFields::Ignore(std::initializer_list<const char*> keys) {
  known_.insert(known_.end(), keys.begin(), keys.end());
}

absl::Status JsonFields::Finish() {
  if (!status_.ok()) return status_;
  for (const auto& [key, value] : json_.items()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat(Path(key), ": no such key", DidYouMean(key, known_)));
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
