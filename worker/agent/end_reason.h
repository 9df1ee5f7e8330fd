// Why an attempt ended: the table of F1 as a pure function of what is known when the trainer is gone.
#ifndef ECGTRAIN_WORKER_AGENT_END_REASON_H_
#define ECGTRAIN_WORKER_AGENT_END_REASON_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "ecgtrain/v1/job.pb.h"
#include "worker/agent/attempt_directory.h"
#include "worker/agent/child_process.h"

namespace ecgtrain {

struct AttemptEnd {
  v1::EndReason reason = v1::END_REASON_UNSPECIFIED;
  std::string message;     // fit to be sent
  int32_t exit_code = -1;  // 128 + n for signal n, -1 when unknown
  uint64_t step = 0;
};

// The end of an attempt that was asked to stop for `why`. An orderly stop that nobody asked for is DRAINED:
// the host shuts down.
v1::EndReason ReasonOfStop(v1::StopRequest why);

// The one that an attempt is stopped for when both were ordered: CANCEL > PAUSE, TIMEOUT, STUCK > DRAIN >
// PREEMPT, the earlier of two equal ones.
v1::StopRequest StrongerStop(v1::StopRequest earlier, v1::StopRequest later);

// The end of an attempt whose preparation failed with `status` (preparation.h) before there was a trainer.
AttemptEnd DecideFailedStart(const absl::Status& status, v1::StopRequest stop);

// exit.json decides, else the exit code, else the signal. A stop explains an end that has no reason of its
// own; CANCEL and PAUSE explain every end but COMPLETED. A SIGKILL that nobody here has sent is OOM_HOST when
// the kernel has killed for lack of memory meanwhile (`memory_kill`).
AttemptEnd DecideEnd(const std::optional<ExitRecord>& record, const ProcessEnd& process, v1::StopRequest stop,
                     bool memory_kill = false);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_END_REASON_H_
