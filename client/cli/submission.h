// What `job submit` and `pretrain`, `finetune`, `evaluate` share.
#ifndef ECGTRAIN_CLIENT_CLI_SUBMISSION_H_
#define ECGTRAIN_CLIENT_CLI_SUBMISSION_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/session.h"
#include "ecgtrain/v1/spec.pb.h"

namespace ecgtrain {

// --set, --name, --priority and --after: what changes a specification.
const std::vector<Option>& SpecOptions();
// These, and how to submit.
std::vector<Option> SubmitOptions();

// INVALID_ARGUMENT for options that exclude one another.
absl::Status CheckSubmitOptions(const Arguments& arguments);

// SpecOptions, on each specification. INVALID_ARGUMENT for a name and several jobs.
// Errors of NumberedJob for --after.
absl::Status ApplySubmitOptions(Session& session, const Arguments& arguments,
                                std::vector<v1::JobSpec>& specs);

// One atomic submission; prints the jobs; then --follow or --wait.
absl::StatusOr<ExitCode> SubmitAndFollow(Session& session, const Arguments& arguments,
                                         std::vector<v1::JobSpec> specs);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_SUBMISSION_H_
