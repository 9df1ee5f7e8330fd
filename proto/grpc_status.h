// The one border between absl::Status and grpc::Status. Payloads of a status (google.rpc.ErrorInfo,
// BadRequest, ...) travel as the details of a google.rpc.Status.
#ifndef ECGTRAIN_PROTO_GRPC_STATUS_H_
#define ECGTRAIN_PROTO_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Message and details are cut to 4 KiB, because larger metadata turns into a useless RESOURCE_EXHAUSTED.
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

// `status` with google.rpc.ErrorInfo{reason, domain "ecgtrain", metadata}. Reasons are UPPER_SNAKE_CASE.
absl::Status WithErrorInfo(absl::Status status, absl::string_view reason,
                           const std::map<std::string, std::string>& metadata = {});
// Reason of the status's ErrorInfo, "" without one.
std::string ErrorReason(const absl::Status& status);

struct FieldViolation {
  std::string field;  // "specs[0].finetune.folds.test"
  std::string description;
};
// `status` with google.rpc.BadRequest.
absl::Status WithViolations(absl::Status status, const std::vector<FieldViolation>& violations);
std::vector<FieldViolation> Violations(const absl::Status& status);

}  // namespace ecgtrain

#endif  // ECGTRAIN_PROTO_GRPC_STATUS_H_
