// The channel of a TrainingClient: credentials, deadlines, retries and the loop that keeps a stream alive.
// Private to this folder; gRPC types go no further.
#ifndef ECGTRAIN_CLIENT_CONNECTION_H_
#define ECGTRAIN_CLIENT_CONNECTION_H_

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/training_client.h"
#include "proto/grpc_status.h"

namespace ecgtrain {

// Thread-compatible.
class Connection {
 public:
  // INVALID_ARGUMENT for files that cannot be read or a token that is none. Does not touch the network.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(ClientOptions options, ClientHooks hooks);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const ClientOptions& options() const { return options_; }
  const ClientHooks& hooks() const { return hooks_; }

  // One unary call. `repeatable`: tried again until the call timeout.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      const std::function<grpc::Status(grpc::ClientContext*, const Request&, Response*)>& method,
      const Request& request, bool repeatable = true) {
    Response response;
    const auto attempt = [&](absl::Duration remaining) {
      response.Clear();
      grpc::ClientContext context;
      Prepare(context, std::min(remaining, kTryTimeout));
      const Cancellation::Scope scope(hooks_.cancellation, [&context] { context.TryCancel(); });
      return FromGrpcStatus(method(&context, request, &response));
    };
    const absl::Status status = repeatable ? Retry(attempt) : attempt(options_.call_timeout);
    if (!status.ok()) return Explain(status);
    return response;
  }

  // Opens a stream and, when it breaks, opens it again: `open` must ask for what follows the last message
  // that `sink` took. Returns OK when `sink` says stop, or when the stream ends and `complete()` holds.
  // DEADLINE_EXCEEDED after `max_wait`.
  template <typename Response>
  absl::Status Follow(
      const std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*)>& open,
      const StreamSink<Response>& sink, const std::function<bool()>& complete, absl::Duration max_wait) {
    FollowState state(*this, max_wait);
    while (true) {
      grpc::ClientContext context;
      Prepare(context, state.StreamTime());
      const Cancellation::Scope scope(hooks_.cancellation, [&context] { context.TryCancel(); });
      const auto reader = open(&context);
      Response response;
      while (reader->Read(&response)) {
        state.HeardFrom();
        const absl::StatusOr<Next> next = sink(response);
        if (!next.ok() || *next == Next::kStop) {
          context.TryCancel();
          // The status of a call that we cancel tells nothing.
          (void)reader->Finish();
          return next.status();
        }
      }
      const absl::Status ended = FromGrpcStatus(reader->Finish());
      if (ended.ok() && complete()) return absl::OkStatus();
      const absl::Status verdict = state.AfterBreak(ended);
      if (!verdict.ok()) return verdict;
    }
  }

 private:
  // A stream lives at most this long before it is opened anew, so that one whose other end has silently gone
  // is noticed.
  static constexpr absl::Duration kStreamTime = absl::Minutes(10);
  static constexpr absl::Duration kTryTimeout = absl::Seconds(10);

  // When to open a broken stream again, and when to give up.
  class FollowState {
   public:
    FollowState(Connection& connection, absl::Duration max_wait);
    // For the stream about to be opened.
    absl::Duration StreamTime();
    void HeardFrom();
    // Waits before the next try. Not OK: what Follow returns.
    absl::Status AfterBreak(const absl::Status& ended);

   private:
    Connection& connection_;
    Backoff backoff_;
    absl::Duration give_up_at_;
    absl::Duration last_contact_;
    bool contacted_ = false;
    bool heard_in_stream_ = false;
    bool told_ = false;
  };

  Connection(ClientOptions options, ClientHooks hooks, std::shared_ptr<grpc::Channel> channel,
             std::string token);

  void Prepare(grpc::ClientContext& context, absl::Duration timeout) const;
  absl::Status Retry(const std::function<absl::Status(absl::Duration)>& attempt) const;
  // Names the server where it was not reached, and turns the echo of our own cancelling into "interrupted".
  absl::Status Explain(const absl::Status& status) const;

  ClientOptions options_;
  ClientHooks hooks_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string token_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CONNECTION_H_
