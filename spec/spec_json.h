// Job specifications as text: JSON for programs, YAML for people. Both are read back by ParseSpec.
#ifndef ECGTRAIN_SPEC_SPEC_JSON_H_
#define ECGTRAIN_SPEC_SPEC_JSON_H_

#include <string>

#include "ecgtrain/v1/spec.pb.h"

namespace ecgtrain {

// One line of protobuf JSON: proto field names in field order, map keys sorted, every field that is present.
// In a resolved specification that is every field with a default. Equal specifications give equal text.
std::string SpecToJson(const v1::JobSpec& spec);

// The same content as YAML, a field a line, lists in brackets; ends with a line break.
std::string SpecToYaml(const v1::JobSpec& spec);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_SPEC_JSON_H_
