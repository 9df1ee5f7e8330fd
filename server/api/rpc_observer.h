// Told of every call that has ended: for the grpc_server_* metrics.
#ifndef ECGTRAIN_SERVER_API_RPC_OBSERVER_H_
#define ECGTRAIN_SERVER_API_RPC_OBSERVER_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace ecgtrain {

enum class RpcType { kUnary, kServerStream, kClientStream };

// Thread-safe and quick.
class RpcObserver {
 public:
  virtual ~RpcObserver() = default;
  // `method` as in "/ecgtrain.v1.TrainingService/GetJob".
  virtual void OnHandled(RpcType type, absl::string_view method, absl::StatusCode code,
                         absl::Duration took) = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_RPC_OBSERVER_H_
