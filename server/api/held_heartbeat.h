// One Heartbeat call: held until there is something to say to the worker, or its time is over.
#ifndef ECGTRAIN_SERVER_API_HELD_HEARTBEAT_H_
#define ECGTRAIN_SERVER_API_HELD_HEARTBEAT_H_

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "server/api/api_context.h"
#include "server/api/wakeup.h"

namespace ecgtrain {

// Deletes itself when gRPC is done with it.
class HeldHeartbeat final : public grpc::ServerUnaryReactor {
 public:
  // `hold`: how long at most; the caller has spread it, so that workers do not come back all at once.
  HeldHeartbeat(ApiContext& api, const grpc::CallbackServerContext& context, const char* method,
                const v1::HeartbeatRequest& request, v1::HeartbeatResponse* response, absl::Duration hold);

  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  void Begin(const grpc::CallbackServerContext& context);
  void Look(bool arrived);
  void End(const absl::Status& status);

  ApiContext& api_;
  const char* const method_;
  const absl::Duration start_;
  const absl::Duration deadline_;
  const v1::HeartbeatRequest& request_;  // gRPC's, until OnDone
  v1::HeartbeatResponse* const response_;
  Wakeup wakeup_;
  std::atomic<bool> cancelled_ = false;
  bool subscribed_ = false;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_HELD_HEARTBEAT_H_
