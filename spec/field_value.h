// Scalar fields of a message as text: how a specification writes them, how defaults are written in the proto.
#ifndef ECGTRAIN_SPEC_FIELD_VALUE_H_
#define ECGTRAIN_SPEC_FIELD_VALUE_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// True for google.protobuf.Duration, which is written as one value.
bool IsDuration(const google::protobuf::FieldDescriptor& field);

// True for a message with fields of its own, neither a duration nor a map.
bool IsSection(const google::protobuf::FieldDescriptor& field);

// What a person should write there: "a whole number", "true or false", "a list of whole numbers".
std::string TypeInWords(const google::protobuf::FieldDescriptor& field);

// Sets the field, or appends to a repeated one. `quoted` text is a string and nothing else. INVALID_ARGUMENT
// with a reason that begins with the offending text.
absl::Status SetScalar(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                       absl::string_view text, bool quoted);

// A number for people: all digits of whole numbers, 1e-08 where that is shorter.
std::string FormatNumber(double value);

// Names of the message's fields, for "did you mean".
std::vector<std::string> FieldNames(const google::protobuf::Descriptor& type);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_FIELD_VALUE_H_
