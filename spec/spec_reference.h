// The reference page of job specifications, made from proto/ecgtrain/v1/spec.proto:
// docs/job-specification.md.
#ifndef ECGTRAIN_SPEC_SPEC_REFERENCE_H_
#define ECGTRAIN_SPEC_SPEC_REFERENCE_H_

#include <string>

namespace ecgtrain {

// Markdown: one table a message with field, type, default, allowed values and the comment of the proto file.
std::string SpecReference();

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_SPEC_REFERENCE_H_
