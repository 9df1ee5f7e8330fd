// Checks between fields of a job specification: what a rule beside one field cannot say.
#ifndef ECGTRAIN_SPEC_SPEC_CHECKS_H_
#define ECGTRAIN_SPEC_SPEC_CHECKS_H_

#include <vector>

#include "ecgtrain/v1/spec.pb.h"
#include "ecgtrain/v1/training_service.pb.h"

namespace ecgtrain {

// What must not be given at all in a job of this kind; on the specification as given.
void CheckGiven(const v1::JobSpec& given, std::vector<v1::SpecProblem>& problems);

// On the specification with its defaults filled in.
void CheckTogether(const v1::JobSpec& spec, std::vector<v1::SpecProblem>& problems);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_SPEC_CHECKS_H_
