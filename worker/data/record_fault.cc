#include "worker/data/record_fault.h"

#include "absl/strings/cord.h"

namespace ecgtrain {
namespace {

constexpr char kPayload[] = "ecgtrain/record_fault";

}  // namespace

absl::Status RecordFault(absl::string_view reason, absl::string_view message) {
  absl::Status status = absl::DataLossError(message);
  status.SetPayload(kPayload, absl::Cord(reason));
  return status;
}

absl::Status AsRecordFault(absl::string_view reason, const absl::Status& status) {
  const bool about_data =
      absl::IsNotFound(status) || absl::IsDataLoss(status) || absl::IsUnimplemented(status);
  if (!about_data || status.GetPayload(kPayload).has_value()) return status;
  absl::Status fault = status;
  fault.SetPayload(kPayload, absl::Cord(absl::IsNotFound(status) ? "file_missing" : reason));
  return fault;
}

std::string FaultReason(const absl::Status& status) {
  const auto reason = status.GetPayload(kPayload);
  return reason.has_value() ? std::string(*reason) : "";
}

}  // namespace ecgtrain
