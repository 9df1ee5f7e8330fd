#include "spec/field_value.h"

#include <google/protobuf/duration.pb.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "common/units.h"

namespace ecgtrain {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

constexpr absl::string_view kDurationName = "google.protobuf.Duration";

// YAML 1.1 would read 010 as eight.
bool HasLeadingZero(absl::string_view digits) {
  return digits.size() > 1 && digits[0] == '0' && absl::ascii_isdigit(digits[1]);
}

// One value of the field.
std::string ElementInWords(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return "a whole number";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "a number";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    default:
      return "a word";
  }
}

absl::Status Mismatch(const FieldDescriptor& field, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is not ", ElementInWords(field)));
}

absl::StatusOr<uint32_t> ParseUnsigned(const FieldDescriptor& field, absl::string_view text) {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits) return Mismatch(field, text);
  if (HasLeadingZero(text)) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " has leading zeros; write it without"));
  }
  uint32_t value;
  if (!absl::SimpleAtoi(text, &value)) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is larger than 4294967295"));
  }
  return value;
}

absl::StatusOr<double> ParseDouble(const FieldDescriptor& field, absl::string_view text) {
  absl::string_view unsigned_text = text;
  absl::ConsumePrefix(&unsigned_text, "-") || absl::ConsumePrefix(&unsigned_text, "+");
  if (HasLeadingZero(unsigned_text)) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " has leading zeros; write it without"));
  }
  // SimpleAtod alone would take spaces, "inf" and "nan".
  const bool number = !text.empty() && text.find_first_not_of("0123456789+-.eE") == absl::string_view::npos;
  double value;
  if (!number || !absl::SimpleAtod(text, &value)) return Mismatch(field, text);
  if (!std::isfinite(value))
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is too large a number"));
  return value;
}

absl::Status SetDuration(Message& message, const FieldDescriptor& field, absl::string_view text) {
  ASSIGN_OR_RETURN(const absl::Duration duration, ParseDuration(text));
  absl::Duration rest;
  google::protobuf::Duration value;
  value.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  value.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  message.GetReflection()->MutableMessage(&message, &field)->CopyFrom(value);
  return absl::OkStatus();
}

absl::Status SetString(Message& message, const FieldDescriptor& field, absl::string_view text) {
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    reflection.AddString(&message, &field, std::string(text));
  } else {
    reflection.SetString(&message, &field, std::string(text));
  }
  return absl::OkStatus();
}

absl::Status SetUnsigned(Message& message, const FieldDescriptor& field, absl::string_view text) {
  ASSIGN_OR_RETURN(const uint32_t value, ParseUnsigned(field, text));
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    reflection.AddUInt32(&message, &field, value);
  } else {
    reflection.SetUInt32(&message, &field, value);
  }
  return absl::OkStatus();
}

absl::Status SetDouble(Message& message, const FieldDescriptor& field, absl::string_view text) {
  ASSIGN_OR_RETURN(const double value, ParseDouble(field, text));
  message.GetReflection()->SetDouble(&message, &field, value);
  return absl::OkStatus();
}

absl::Status SetBool(Message& message, const FieldDescriptor& field, absl::string_view text) {
  if (text != "true" && text != "false") return Mismatch(field, text);
  message.GetReflection()->SetBool(&message, &field, text == "true");
  return absl::OkStatus();
}

}  // namespace

bool IsDuration(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->full_name() == kDurationName;
}

bool IsSection(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field.is_map() && !IsDuration(field);
}

std::string TypeInWords(const FieldDescriptor& field) {
  if (field.is_map()) return "a mapping of words to words";
  if (IsDuration(field)) return "a duration such as 90s, 10m or 12h";
  if (IsSection(field)) return "a mapping";
  if (!field.is_repeated()) return ElementInWords(field);
  return field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32 ? "a list of whole numbers" : "a list of words";
}

absl::Status SetScalar(Message& message, const FieldDescriptor& field, absl::string_view text, bool quoted) {
  if (IsDuration(field)) return SetDuration(message, field, text);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) return SetString(message, field, text);
  if (quoted) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is text because of its quotes; write ",
                                                   TypeInWords(field), " without them"));
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return SetUnsigned(message, field, text);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return SetDouble(message, field, text);
    case FieldDescriptor::CPPTYPE_BOOL:
      return SetBool(message, field, text);
    default:
      return absl::InternalError(absl::StrCat("no text form for the type of field ", field.full_name()));
  }
}

std::string FormatNumber(double value) { return absl::StrFormat("%.10g", value); }

std::vector<std::string> FieldNames(const google::protobuf::Descriptor& type) {
  std::vector<std::string> names;
  names.reserve(type.field_count());
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

}  // namespace ecgtrain
