// References to jobs and checkpoints in the arguments of commands.
#ifndef ECGTRAIN_CLIENT_CLI_REFERENCES_H_
#define ECGTRAIN_CLIENT_CLI_REFERENCES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/session.h"

namespace ecgtrain {

// A job's reference as the API takes it, without selector. INVALID_ARGUMENT for what cannot be one.
absl::StatusOr<std::string> JobArgument(const std::string& text);

// A job's, or a checkpoint's, reference by number: "job/12", "job/12@best". Specifications name the jobs of
// other submissions so. Asks the coordinator which job has a name, or is "@last". INVALID_ARGUMENT for what
// cannot be one; errors of GetJob.
absl::StatusOr<std::string> NumberedJob(Session& session, const std::string& text);
absl::StatusOr<std::string> NumberedCheckpoint(Session& session, const std::string& text);

// Calls `action` for each reference. All done: kDone. None done: the first error. Some done: the errors are
// said and kPartlyDone is returned.
absl::StatusOr<ExitCode> ForEachJob(Session& session, const std::vector<std::string>& references,
                                    const std::function<absl::Status(const std::string& job)>& action);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_REFERENCES_H_
