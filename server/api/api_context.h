// What every handler has at hand, and the frame of every call: authorise, do, convert, count.
#ifndef ECGTRAIN_SERVER_API_API_CONTEXT_H_
#define ECGTRAIN_SERVER_API_API_CONTEXT_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rate_limit.h"
#include "proto/grpc_status.h"
#include "server/api/blocking_pool.h"
#include "server/api/follow_limit.h"
#include "server/api/rpc_observer.h"
#include "server/api/stall_watchdog.h"
#include "server/auth/authenticator.h"
#include "server/auth/principal.h"
#include "server/coordinator/coordinator.h"
#include "server/coordinator/job_commands.h"

namespace ecgtrain {

struct ServerFacts {
  absl::Time started;
  std::string state_dir;
  bool insecure = false;
};

// Limits of callers; docs/limits.md.
struct ApiLimits {
  int follows_per_user = 20;
  int follows = 400;
  // A message of a stream that its reader does not take.
  absl::Duration stall = absl::Seconds(60);
  // Calls of one user that come from another machine; workers are not counted.
  uint64_t calls_per_second = 50;
  uint64_t calls_at_once = 200;
  bool count_loopback_calls = false;  // for tests
};

// Thread-safe. Everything it refers to outlives the server.
class ApiContext {
 public:
  ApiContext(Coordinator& coordinator, const Authenticator& authenticator, RpcObserver& observer,
             Observer& counts, ServerFacts facts, const ApiLimits& limits)
      : coordinator_(coordinator),
        authenticator_(authenticator),
        observer_(observer),
        counts_(counts),
        facts_(std::move(facts)),
        limits_(limits),
        follows_(limits.follows_per_user, limits.follows),
        calls_(coordinator.clock(), limits.calls_per_second, limits.calls_at_once),
        watchdog_(coordinator.clock(), limits.stall) {}

  Coordinator& coordinator() { return coordinator_; }
  const Authenticator& authenticator() const { return authenticator_; }
  const ServerFacts& facts() const { return facts_; }
  BlockingPool& pool() { return pool_; }
  FollowLimit& follows() { return follows_; }
  StallWatchdog& watchdog() { return watchdog_; }
  absl::Duration Monotonic() { return coordinator_.clock().Monotonic(); }

  // Streams end with UNAVAILABLE, and held calls with what there is.
  void GoAway();
  bool going_away() const { return going_away_.load(); }

  // Who calls, if the method is open to them and they do not call too often. Begins every handler.
  absl::StatusOr<Principal> Authorize(const grpc::CallbackServerContext& context, absl::string_view method);

  // Ends every call: counts it and converts its status.
  grpc::Status Ended(RpcType type, absl::string_view method, absl::Duration start,
                     const absl::Status& status);

  // A unary call whose handler replies when it can: handler(principal, reply).
  template <typename Response, typename Handler>
  grpc::ServerUnaryReactor* Async(grpc::CallbackServerContext* context, const char* method,
                                  Response* response, Handler handler) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const absl::Duration start = Monotonic();
    auto finish = [this, reactor, method, start](const absl::Status& status) {
      reactor->Finish(Ended(RpcType::kUnary, method, start, status));
    };
    absl::StatusOr<Principal> principal = Authorize(*context, method);
    if (!principal.ok()) {
      finish(principal.status());
      return reactor;
    }
    handler(*principal, Reply<Response>([response, finish](absl::StatusOr<Response> answer) {
      const absl::Status status = answer.status();
      if (status.ok()) *response = *std::move(answer);
      finish(status);
    }));
    return reactor;
  }

  // A unary call that is answered from memory or one read of the store: handler(principal) ->
  // StatusOr<Response>.
  template <typename Response, typename Handler>
  grpc::ServerUnaryReactor* Sync(grpc::CallbackServerContext* context, const char* method, Response* response,
                                 Handler handler) {
    return Async<Response>(
        context, method, response,
        [&handler](const Principal& principal, Reply<Response> reply) { reply(handler(principal)); });
  }

  // The same for what waits for the disk: on another thread.
  template <typename Response, typename Handler>
  grpc::ServerUnaryReactor* Blocking(grpc::CallbackServerContext* context, const char* method,
                                     Response* response, Handler handler) {
    return Async<Response>(context, method, response,
                           [this, &handler](const Principal& principal, Reply<Response> reply) {
                             pool_.Run([principal, handler = std::move(handler),
                                        reply = std::move(reply)]() mutable { reply(handler(principal)); });
                           });
  }

 private:
  Coordinator& coordinator_;
  const Authenticator& authenticator_;
  RpcObserver& observer_;
  Observer& counts_;
  const ServerFacts facts_;
  const ApiLimits limits_;
  FollowLimit follows_;
  RateLimit calls_;
  StallWatchdog watchdog_;
  std::atomic<bool> going_away_ = false;
  BlockingPool pool_{4};
};

// Whether gRPC's name of a peer ("ipv4:127.0.0.1:52144") is one on this machine.
bool IsLoopbackPeer(absl::string_view peer);

inline Caller CallerOf(const Principal& principal) {
  return {.name = principal.name, .any_job = principal.role == Role::kAdmin};
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_API_CONTEXT_H_
