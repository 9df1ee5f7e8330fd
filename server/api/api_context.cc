#include "server/api/api_context.h"

#include "absl/strings/string_view.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace ecgtrain {

void ApiContext::GoAway() {
  going_away_.store(true);
  coordinator_.hub().PublishAll();
}

absl::StatusOr<Principal> ApiContext::Authorize(const grpc::CallbackServerContext& context,
                                                absl::string_view method) const {
  std::optional<absl::string_view> authorization;
  const auto found = context.client_metadata().find("authorization");
  if (found != context.client_metadata().end()) {
    authorization = absl::string_view(found->second.data(), found->second.size());
  }
  ASSIGN_OR_RETURN(Principal principal, authenticator_.Authenticate(authorization));
  RETURN_IF_ERROR(CheckMethod(principal, method));
  return principal;
}

grpc::Status ApiContext::Ended(RpcType type, absl::string_view method, absl::Duration start,
                               const absl::Status& status) {
  observer_.OnHandled(type, method, status.code(), Monotonic() - start);
  if (absl::IsAborted(status)) counts_.OnStaleToken(method);
  if (absl::IsInternal(status) || absl::IsDataLoss(status)) {
    LogError("call failed", {{"method", method}, {"error", status.message()}});
  }
  return ToGrpcStatus(status);
}

}  // namespace ecgtrain
