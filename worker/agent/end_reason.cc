#include "worker/agent/end_reason.h"

#include <signal.h>
#include <string.h>

#include "absl/strings/str_cat.h"
#include "proto/grpc_status.h"
#include "worker/agent/short_message.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {
namespace {

using run_directory::ExitReason;

// kStopped has no reason of its own: the stop request gives it.
v1::EndReason ToEndReason(ExitReason reason) {
  switch (reason) {
    case ExitReason::kCompleted:
      return v1::COMPLETED;
    case ExitReason::kUserError:
      return v1::USER_ERROR;
    case ExitReason::kNonFinite:
      return v1::NON_FINITE;
    case ExitReason::kOomGpu:
      return v1::OOM_GPU;
    case ExitReason::kDataMissing:
      return v1::DATA_MISSING;
    case ExitReason::kDataCorrupt:
      return v1::DATA_CORRUPT;
    case ExitReason::kDataChanged:
      return v1::DATA_CHANGED;
    case ExitReason::kLeaky:
      return v1::LEAKY;
    case ExitReason::kCheckpointCorrupt:
      return v1::CHECKPOINT_CORRUPT;
    case ExitReason::kDiskFull:
      return v1::DISK_FULL;
    case ExitReason::kGpuFault:
      return v1::GPU_FAULT;
    case ExitReason::kDeviceBusy:
      return v1::DEVICE_BUSY;
    case ExitReason::kStopped:
      return v1::DRAINED;
    case ExitReason::kInternal:
      return v1::INTERNAL;
  }
  return v1::INTERNAL;
}

std::string DescribeProcess(const ProcessEnd& process) {
  if (process.signal.has_value()) {
    return absl::StrCat("the trainer was ended by signal ", *process.signal, " (", strsignal(*process.signal),
                        ")");
  }
  if (process.exit_code.has_value()) {
    return absl::StrCat("the trainer ended with exit code ", *process.exit_code);
  }
  return "the trainer is gone, exit status unknown";
}

int Strength(v1::StopRequest why) {
  switch (why) {
    case v1::STOP_CANCEL:
      return 4;
    case v1::STOP_PAUSE:
    case v1::STOP_TIMEOUT:
    case v1::STOP_STUCK:
      return 3;
    case v1::STOP_DRAIN:
      return 2;
    case v1::STOP_PREEMPT:
      return 1;
    default:
      return 0;
  }
}

int32_t ExitCode(const ProcessEnd& process) {
  if (process.signal.has_value()) return 128 + *process.signal;
  return process.exit_code.value_or(-1);
}

}  // namespace

v1::EndReason ReasonOfStop(v1::StopRequest why) {
  switch (why) {
    case v1::STOP_CANCEL:
      return v1::STOPPED_CANCEL;
    case v1::STOP_PAUSE:
      return v1::STOPPED_PAUSE;
    case v1::STOP_PREEMPT:
      return v1::PREEMPTED;
    case v1::STOP_TIMEOUT:
      return v1::TIMEOUT;
    case v1::STOP_STUCK:
      return v1::TRAINER_STUCK;
    default:
      return v1::DRAINED;
  }
}

v1::StopRequest StrongerStop(v1::StopRequest earlier, v1::StopRequest later) {
  return Strength(later) > Strength(earlier) ? later : earlier;
}

AttemptEnd DecideFailedStart(const absl::Status& status, v1::StopRequest stop) {
  if (absl::IsCancelled(status) && stop != v1::STOP_NONE) {
    return {.reason = ReasonOfStop(stop), .message = "stopped before the trainer ran"};
  }
  AttemptEnd end{.reason = v1::START_FAILED, .message = ShortMessage(status.message())};
  if (absl::IsResourceExhausted(status)) end.reason = v1::DISK_FULL;
  // A reason that is none leaves what is there.
  v1::EndReason_Parse(ErrorReason(status), &end.reason);
  return end;
}

AttemptEnd DecideEnd(const std::optional<ExitRecord>& record, const ProcessEnd& process, v1::StopRequest stop,
                     bool memory_kill) {
  AttemptEnd end{.exit_code = ExitCode(process)};
  std::optional<ExitReason> reason;
  if (record.has_value()) {
    reason = record->reason;
    end.message = ShortMessage(record->message);
    end.step = record->step;
  } else if (process.exit_code.has_value()) {
    reason = run_directory::ExitReasonFromCode(*process.exit_code);
    end.message = DescribeProcess(process);
  }
  const bool person_stops = stop == v1::STOP_CANCEL || stop == v1::STOP_PAUSE;
  if (!reason.has_value()) {
    end.message = DescribeProcess(process);
    end.reason = stop == v1::STOP_NONE ? v1::TRAINER_CRASHED : ReasonOfStop(stop);
    if (stop == v1::STOP_NONE && memory_kill && process.signal == SIGKILL) {
      end.reason = v1::OOM_HOST;
      end.message = "the kernel killed the trainer for lack of memory on this host";
    }
  } else if (*reason == ExitReason::kStopped || (person_stops && *reason != ExitReason::kCompleted)) {
    end.reason = ReasonOfStop(stop);
  } else {
    end.reason = ToEndReason(*reason);
  }
  return end;
}

}  // namespace ecgtrain
