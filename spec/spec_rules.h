// The (rule) options of spec.proto at work: one walk fills defaults, one checks values.
#ifndef ECGTRAIN_SPEC_SPEC_RULES_H_
#define ECGTRAIN_SPEC_SPEC_RULES_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ecgtrain/v1/training_service.pb.h"

namespace ecgtrain {

// Gives every absent field with a default its value, and makes absent sections for that, but not absent
// tasks. A problem is a default that its own field cannot hold: an error in spec.proto.
void FillDefaults(google::protobuf::Message& message, std::vector<v1::SpecProblem>& problems);

// Adds a problem for each value that breaks the rule beside its field, and for fields that this program does
// not know. `path` stands before field names.
void CheckRules(const google::protobuf::Message& message, const std::string& path,
                std::vector<v1::SpecProblem>& problems);

void AddProblem(std::vector<v1::SpecProblem>& problems, absl::string_view field,
                absl::string_view description);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_SPEC_RULES_H_
