#include "server/api/api_context.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace ecgtrain {

bool IsLoopbackPeer(absl::string_view peer) {
  return absl::StartsWith(peer, "ipv4:127.") || absl::StartsWith(peer, "ipv6:[::1]:") ||
         absl::StartsWith(peer, "ipv6:%5B::1%5D:") || absl::StartsWith(peer, "unix:");
}

void ApiContext::GoAway() {
  going_away_.store(true);
  coordinator_.hub().PublishAll();
}

absl::StatusOr<Principal> ApiContext::Authorize(const grpc::CallbackServerContext& context,
                                                absl::string_view method) {
  std::optional<absl::string_view> authorization;
  const auto found = context.client_metadata().find("authorization");
  if (found != context.client_metadata().end()) {
    authorization = absl::string_view(found->second.data(), found->second.size());
  }
  ASSIGN_OR_RETURN(Principal principal, authenticator_.Authenticate(authorization));
  RETURN_IF_ERROR(CheckMethod(principal, method));
  const bool counted =
      principal.role != Role::kWorker && (limits_.count_loopback_calls || !IsLoopbackPeer(context.peer()));
  if (counted && calls_.Take(principal.name, 1) == 0) {
    return WithErrorInfo(absl::ResourceExhaustedError(absl::StrCat(
                             "user ", principal.name, " calls more often than ", limits_.calls_per_second,
                             " times a second, the limit; ", "call less often, or follow a stream")),
                         "TOO_MANY_CALLS");
  }
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
