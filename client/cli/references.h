// Commands that take several references.
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

// Calls `action` for each reference. All done: kDone. None done: the first error. Some done: the errors are
// said and kPartlyDone is returned.
absl::StatusOr<ExitCode> ForEachJob(Session& session, const std::vector<std::string>& references,
                                    const std::function<absl::Status(const std::string& job)>& action);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_REFERENCES_H_
