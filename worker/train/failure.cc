#include "worker/train/failure.h"

#include <optional>
#include <string>

#include "absl/strings/cord.h"

namespace ecgtrain {
namespace {

using run_directory::ExitReason;

constexpr char kPayload[] = "ecgtrain/exit-reason";

}  // namespace

absl::Status Failure(ExitReason reason, absl::string_view message) {
  return WithReason(absl::UnknownError(message), reason);
}

absl::Status WithReason(const absl::Status& status, ExitReason reason) {
  if (status.ok() || status.GetPayload(kPayload).has_value()) return status;
  absl::Status result = status;
  result.SetPayload(kPayload, absl::Cord(run_directory::ExitReasonName(reason)));
  return result;
}

ExitReason ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  if (payload.has_value()) {
    const std::optional<ExitReason> reason = run_directory::ExitReasonFromName(std::string(*payload));
    if (reason.has_value()) return *reason;
  }
  return status.code() == absl::StatusCode::kResourceExhausted ? ExitReason::kDiskFull
                                                               : ExitReason::kInternal;
}

}  // namespace ecgtrain
