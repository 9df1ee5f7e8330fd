#include "server/api/held_heartbeat.h"

#include <algorithm>

namespace ecgtrain {

HeldHeartbeat::HeldHeartbeat(ApiContext& api, const grpc::CallbackServerContext& context, const char* method,
                             const v1::HeartbeatRequest& request, v1::HeartbeatResponse* response,
                             absl::Duration hold)
    : api_(api),
      method_(method),
      start_(api.Monotonic()),
      deadline_(start_ + hold),
      request_(request),
      response_(response) {
  Begin(context);
}

void HeldHeartbeat::Begin(const grpc::CallbackServerContext& context) {
  const absl::StatusOr<Principal> principal = api_.Authorize(context, method_);
  if (!principal.ok()) return End(principal.status());
  if (absl::Status status = CheckSpeaksFor(*principal, request_.worker()); !status.ok()) return End(status);
  const absl::StatusOr<bool> counts = api_.coordinator().sessions().Accept(request_);
  if (!counts.ok()) return End(counts.status());
  if (!*counts) return End(absl::OkStatus());
  api_.coordinator().hub().Subscribe(WorkerTopic(request_.worker()), wakeup_);
  subscribed_ = true;
  // A worker that has just become reachable, or has room again, may be given work.
  api_.coordinator().maintenance().Poke();
  Look(/*arrived=*/true);
}

void HeldHeartbeat::OnCancel() {
  cancelled_.store(true);
  wakeup_.Notify();
}

void HeldHeartbeat::Look(bool arrived) {
  if (cancelled_.load()) return End(absl::CancelledError("the caller is gone"));
  const absl::Duration left = deadline_ - api_.Monotonic();
  const bool must_answer = left <= absl::ZeroDuration() || api_.going_away();
  absl::StatusOr<std::optional<v1::HeartbeatResponse>> answer =
      api_.coordinator().sessions().Answer(request_, arrived, must_answer);
  if (!answer.ok()) return End(answer.status());
  if (answer->has_value()) {
    *response_ = **std::move(answer);
    return End(absl::OkStatus());
  }
  wakeup_.Arm(left, [this] { Look(/*arrived=*/false); });
}

void HeldHeartbeat::End(const absl::Status& status) {
  if (subscribed_) api_.coordinator().hub().Unsubscribe(WorkerTopic(request_.worker()), wakeup_);
  Finish(api_.Ended(RpcType::kUnary, method_, start_, status));
}

}  // namespace ecgtrain
