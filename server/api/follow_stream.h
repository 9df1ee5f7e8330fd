// A stream that follows the store: sends what there is, waits for a notification, goes on.
//
// No queue a watcher: one message is under way, the next is read from the store when it has gone out. A slow
// reader just reads later. After 15 s of silence a message without content tells silence from death.
#ifndef ECGTRAIN_SERVER_API_FOLLOW_STREAM_H_
#define ECGTRAIN_SERVER_API_FOLLOW_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/api/api_context.h"
#include "server/api/wakeup.h"

namespace ecgtrain {

struct FollowStep {
  enum Kind { kSend, kWait, kEnd } kind = kWait;
  absl::Duration wait = absl::InfiniteDuration();  // kWait: look again after this at the latest
};

// Where the messages come from. Called by one thread at a time.
template <typename Response>
class FollowSource {
 public:
  virtual ~FollowSource() = default;
  // Fills the next message, waits, or ends the stream; an error ends it, too.
  virtual absl::StatusOr<FollowStep> Next(Response& response) = 0;
  // Fills a message without content.
  virtual void FillQuiet(Response& response) = 0;
  virtual int64_t job_id() const = 0;
};

// What a stream begins with.
template <typename Response>
struct FollowStart {
  std::unique_ptr<FollowSource<Response>> source;
  FollowLimit::Place place;
};

// Deletes itself when gRPC is done with it.
template <typename Response>
class FollowStream final : public grpc::ServerWriteReactor<Response> {
 public:
  // `start` or the error that ends the call at once.
  FollowStream(ApiContext& api, const grpc::CallbackServerContext& context, const char* method,
               absl::StatusOr<FollowStart<Response>> start)
      : api_(api), context_(context), method_(method), start_(api.Monotonic()), last_sent_(start_) {
    Begin(std::move(start));
  }

  void OnWriteDone(bool ok) override {
    api_.watchdog().Sent(this);
    if (!ok) return End(absl::CancelledError("the caller is gone"));
    last_sent_ = api_.Monotonic();
    Advance();
  }

  void OnCancel() override {
    cancelled_.store(true);
    wakeup_.Notify();
  }

  void OnDone() override { delete this; }

 private:
  static constexpr absl::Duration kQuiet = absl::Seconds(15);

  void Begin(absl::StatusOr<FollowStart<Response>> start) {
    if (!start.ok()) return End(start.status());
    source_ = std::move(start->source);
    place_.emplace(std::move(start->place));
    api_.coordinator().hub().Subscribe(JobTopic(source_->job_id()), wakeup_);
    Advance();
  }

  void Advance() {
    if (cancelled_.load()) return End(absl::CancelledError("the caller is gone"));
    if (api_.going_away())
      return End(absl::UnavailableError("the server is going away; ask again from where you are"));
    response_.Clear();
    absl::StatusOr<FollowStep> step = source_->Next(response_);
    if (!step.ok()) return End(step.status());
    if (step->kind == FollowStep::kSend) return Send();
    if (step->kind == FollowStep::kEnd) return End(absl::OkStatus());
    const absl::Duration silent = api_.Monotonic() - last_sent_;
    if (silent >= kQuiet) {
      source_->FillQuiet(response_);
      return Send();
    }
    wakeup_.Arm(std::min(step->wait, kQuiet - silent), [this] { Advance(); });
  }

  void Send() {
    api_.watchdog().Sending(this, [this] { context_.TryCancel(); });
    this->StartWrite(&response_);
  }

  void End(const absl::Status& status) {
    if (source_ != nullptr) api_.coordinator().hub().Unsubscribe(JobTopic(source_->job_id()), wakeup_);
    place_.reset();  // before the caller hears of the end, and may come again
    this->Finish(api_.Ended(RpcType::kServerStream, method_, start_, status));
  }

  ApiContext& api_;
  const grpc::CallbackServerContext& context_;  // gRPC's, until OnDone
  const char* const method_;
  const absl::Duration start_;
  absl::Duration last_sent_;
  std::unique_ptr<FollowSource<Response>> source_;
  std::optional<FollowLimit::Place> place_;
  Response response_;
  Wakeup wakeup_;
  std::atomic<bool> cancelled_ = false;
};

// The reactor of a call: `make_source(coordinator, user, request)` once the caller is authorised.
template <typename Response, typename Request, typename MakeSource>
grpc::ServerWriteReactor<Response>* MakeFollowStream(ApiContext& api,
                                                     const grpc::CallbackServerContext& context,
                                                     const char* method, const Request& request,
                                                     MakeSource make_source) {
  const auto start = [&]() -> absl::StatusOr<FollowStart<Response>> {
    ASSIGN_OR_RETURN(const Principal principal, api.Authorize(context, method));
    ASSIGN_OR_RETURN(FollowLimit::Place place, api.follows().Enter(principal.name));
    ASSIGN_OR_RETURN(auto source, make_source(api.coordinator(), principal.name, request));
    return FollowStart<Response>{std::move(source), std::move(place)};
  };
  return new FollowStream<Response>(api, context, method, start());
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_FOLLOW_STREAM_H_
