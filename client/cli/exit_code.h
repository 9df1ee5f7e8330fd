// What ecgctl's exit code says.
#ifndef ECGTRAIN_CLIENT_CLI_EXIT_CODE_H_
#define ECGTRAIN_CLIENT_CLI_EXIT_CODE_H_

#include "absl/status/status.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

enum class ExitCode {
  kDone = 0,       // also: the job SUCCEEDED
  kJobFailed = 1,  // the job FAILED
  kUsage = 2,      // usage, or an invalid specification
  kNotFound = 3,
  kDenied = 4,         // not authenticated or not allowed
  kUnreachable = 5,    // after retries
  kJobCancelled = 6,   // the job is CANCELLED
  kWaitOver = 7,       // --max-wait has passed; the job goes on
  kWrongState = 8,     // wrong state, conflict, limit, not serving
  kPartlyDone = 9,     // some of several references failed
  kServerBug = 10,     // or data loss
  kInterrupted = 130,  // detached by Ctrl-C
};

ExitCode ExitCodeOf(const absl::Status& status);

// Of an ended job; kDone for one that has not ended.
ExitCode ExitCodeOf(v1::JobState state);

bool HasEnded(v1::JobState state);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_EXIT_CODE_H_
