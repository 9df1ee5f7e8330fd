#include "worker/run_directory/run_directory.h"

#include <array>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace ecgtrain::run_directory {
namespace {

struct NamedReason {
  ExitReason reason;
  absl::string_view name;
};

constexpr std::array<NamedReason, 14> kReasons = {{
    {ExitReason::kCompleted, "COMPLETED"},
    {ExitReason::kStopped, "STOPPED"},
    {ExitReason::kUserError, "USER_ERROR"},
    {ExitReason::kNonFinite, "NON_FINITE"},
    {ExitReason::kOomGpu, "OOM_GPU"},
    {ExitReason::kDataMissing, "DATA_MISSING"},
    {ExitReason::kDataCorrupt, "DATA_CORRUPT"},
    {ExitReason::kDataChanged, "DATA_CHANGED"},
    {ExitReason::kLeaky, "LEAKY"},
    {ExitReason::kCheckpointCorrupt, "CHECKPOINT_CORRUPT"},
    {ExitReason::kDiskFull, "DISK_FULL"},
    {ExitReason::kGpuFault, "GPU_FAULT"},
    {ExitReason::kDeviceBusy, "DEVICE_BUSY"},
    {ExitReason::kInternal, "INTERNAL"},
}};

}  // namespace

std::string CheckpointName(uint64_t step) { return absl::StrFormat("step-%09d", step); }

std::optional<uint64_t> CheckpointStep(absl::string_view name) {
  uint64_t step;
  if (!absl::ConsumePrefix(&name, "step-") || name.size() < 9 || !absl::SimpleAtoi(name, &step))
    return std::nullopt;
  return step;
}

absl::string_view ExitReasonName(ExitReason reason) {
  for (const NamedReason& known : kReasons) {
    if (known.reason == reason) return known.name;
  }
  return "INTERNAL";
}

std::optional<ExitReason> ExitReasonFromName(absl::string_view name) {
  for (const NamedReason& known : kReasons) {
    if (known.name == name) return known.reason;
  }
  return std::nullopt;
}

std::optional<ExitReason> ExitReasonFromCode(int code) {
  for (const NamedReason& known : kReasons) {
    if (static_cast<int>(known.reason) == code) return known.reason;
  }
  return std::nullopt;
}

}  // namespace ecgtrain::run_directory
