#include "client/connection.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/durable_file.h"
#include "common/status_macros.h"
#include "common/units.h"
#include "proto/channel_settings.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kMaxTokenBytes = 4096;
constexpr uint64_t kMaxCertificateBytes = 1 << 20;

bool IsLoopback(absl::string_view server) {
  return absl::StartsWith(server, "127.") || absl::StartsWith(server, "localhost:") ||
         absl::StartsWith(server, "[::1]:") || absl::StartsWith(server, "unix:");
}

absl::Status CheckAddress(absl::string_view server) {
  if (absl::StartsWith(server, "unix:")) return absl::OkStatus();
  const size_t colon = server.rfind(':');
  const absl::string_view port = colon == absl::string_view::npos ? "" : server.substr(colon + 1);
  if (colon == 0 || port.empty() || port.size() > 5 ||
      !std::all_of(port.begin(), port.end(), absl::ascii_isdigit)) {
    return absl::InvalidArgumentError(absl::StrCat("server \"", server, "\" is not HOST:PORT"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadCredential(absl::string_view what, const std::string& path, uint64_t limit) {
  ASSIGN_OR_RETURN(std::string content, ReadFile(path, limit),
                   absl::InvalidArgumentError(absl::StrCat(what, ": ", _.message())));
  return content;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const ClientOptions& options) {
  if (!options.ca_file.empty()) {
    ASSIGN_OR_RETURN(const std::string authority,
                     ReadCredential("certificate authority", options.ca_file, kMaxCertificateBytes));
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = authority;
    return grpc::SslCredentials(ssl);
  }
  if (options.insecure || IsLoopback(options.server)) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials(grpc::SslCredentialsOptions());
}

// gRPC wraps the cause in two layers of its own words.
std::string Cause(const absl::Status& status) {
  absl::string_view text = status.message();
  absl::ConsumePrefix(&text, "failed to connect to all addresses; last error: ");
  for (const absl::string_view layer : {"UNKNOWN: ", "UNAVAILABLE: ", "INTERNAL: "})
    absl::ConsumePrefix(&text, layer);
  return absl::StrReplaceAll(text, {{"\n", " "}, {"Failed to connect to remote host: ", ""}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(ClientOptions options, ClientHooks hooks) {
  RETURN_IF_ERROR(CheckAddress(options.server));
  ASSIGN_OR_RETURN(auto credentials, MakeCredentials(options));
  std::string token;
  if (!options.token_file.empty()) {
    ASSIGN_OR_RETURN(token, ReadCredential("token file", options.token_file, kMaxTokenBytes));
    token = std::string(absl::StripAsciiWhitespace(token));
    if (token.empty() || !std::all_of(token.begin(), token.end(), absl::ascii_isgraph)) {
      return absl::InvalidArgumentError(absl::StrCat("token file ", options.token_file, " holds no token"));
    }
  }
  auto channel = grpc::CreateCustomChannel(options.server, credentials, ClientChannelArguments());
  return std::unique_ptr<Connection>(
      new Connection(std::move(options), std::move(hooks), std::move(channel), std::move(token)));
}

Connection::Connection(ClientOptions options, ClientHooks hooks, std::shared_ptr<grpc::Channel> channel,
                       std::string token)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      channel_(std::move(channel)),
      token_(std::move(token)) {}

void Connection::Prepare(grpc::ClientContext& context, absl::Duration timeout) const {
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
  if (!token_.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
}

absl::Status Connection::Retry(const std::function<absl::Status(absl::Duration)>& attempt) const {
  const RetryEnvironment environment{hooks_.clock, hooks_.sleep, hooks_.random, hooks_.on_retry};
  return CallWithRetry(options_.retry, options_.call_timeout, environment, attempt);
}

absl::Status Connection::Explain(const absl::Status& status) const {
  if (hooks_.cancellation.cancelled()) return absl::CancelledError("interrupted");
  if (absl::IsUnavailable(status)) {
    return absl::UnavailableError(
        absl::StrCat("cannot reach the coordinator at ", options_.server, ": ", Cause(status)));
  }
  if (absl::IsDeadlineExceeded(status)) {
    return absl::UnavailableError(absl::StrCat("no answer from the coordinator at ", options_.server,
                                               " within ", HumanDuration(options_.call_timeout)));
  }
  return status;
}

Connection::FollowState::FollowState(Connection& connection, absl::Duration max_wait)
    : connection_(connection),
      backoff_(connection.options_.retry, connection.hooks_.random),
      give_up_at_(connection.hooks_.clock.Monotonic() + max_wait),
      last_contact_(connection.hooks_.clock.Monotonic()) {}

absl::Duration Connection::FollowState::StreamTime() {
  heard_in_stream_ = false;
  return std::min(kStreamTime, give_up_at_ - connection_.hooks_.clock.Monotonic());
}

void Connection::FollowState::HeardFrom() {
  contacted_ = true;
  heard_in_stream_ = true;
  told_ = false;
  last_contact_ = connection_.hooks_.clock.Monotonic();
  backoff_.Reset();
}

absl::Status Connection::FollowState::AfterBreak(const absl::Status& ended) {
  const ClientHooks& hooks = connection_.hooks_;
  if (hooks.cancellation.cancelled()) return absl::CancelledError("interrupted");
  const absl::Duration now = hooks.clock.Monotonic();
  if (now >= give_up_at_) return absl::DeadlineExceededError("the time to wait is over");
  if (!ended.ok() && !IsRetryable(ended)) return ended;
  // The stream's own time was over: nothing is wrong.
  if (absl::IsDeadlineExceeded(ended) && heard_in_stream_) return absl::OkStatus();
  const absl::Duration patience =
      contacted_ ? connection_.options_.follow_timeout : connection_.options_.call_timeout;
  const absl::Duration delay = std::min(backoff_.Next(), give_up_at_ - now);
  const absl::Status failure = ended.ok() ? absl::UnavailableError("the stream ended early") : ended;
  if (now + delay >= last_contact_ + patience) return connection_.Explain(failure);
  if (contacted_ && !told_ && hooks.on_reconnect) hooks.on_reconnect(failure);
  told_ = true;
  return hooks.sleep(delay) ? absl::OkStatus() : absl::CancelledError("interrupted");
}

}  // namespace ecgtrain
