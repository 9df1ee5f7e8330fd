#include "client/cli/session.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

Output::Options OutputOptions(const Arguments& arguments) {
  static const auto& formats = *new std::map<std::string, OutputFormat>{{"table", OutputFormat::kTable},
                                                                        {"wide", OutputFormat::kWide},
                                                                        {"json", OutputFormat::kJson},
                                                                        {"jsonl", OutputFormat::kJsonLines},
                                                                        {"csv", OutputFormat::kCsv}};
  Output::Options options;
  const auto found = formats.find(arguments.Get("--output"));
  if (found != formats.end()) options.format = found->second;
  options.headers = !arguments.Has("--no-headers");
  options.quiet = arguments.Has("--quiet");
  return options;
}

}  // namespace

Session::Session(const Environment& environment, const Arguments& arguments)
    : environment_(environment), arguments_(arguments), output_(environment.out, OutputOptions(arguments)) {}

absl::StatusOr<TrainingClient*> Session::Client() {
  if (client_ != nullptr) return client_.get();
  const ConnectionFlags flags{arguments_.Get("--server"), arguments_.Get("--profile"), arguments_.Get("--ca"),
                              arguments_.Get("--token-file"), arguments_.Has("--insecure")};
  ASSIGN_OR_RETURN(ClientOptions options, ResolveConnection(flags, environment_.variables));
  if (const auto timeout = arguments_.Duration("--timeout"); timeout.has_value()) {
    options.call_timeout = *timeout;
    options.follow_timeout = *timeout;
  }
  options.request_id = arguments_.Get("--request-id");
  ClientHooks hooks{environment_.clock, environment_.cancellation, environment_.sleep};
  hooks.on_reconnect = [this](const absl::Status& failure) {
    Talk(absl::StrCat("connection lost (", failure.message(), "); reconnecting"));
  };
  ASSIGN_OR_RETURN(client_, TrainingClient::Create(std::move(options), std::move(hooks)));
  return client_.get();
}

bool Session::Sleep(absl::Duration duration) {
  return environment_.sleep ? environment_.sleep(duration) : environment_.cancellation.SleepFor(duration);
}

void Session::Talk(absl::string_view line) {
  if (!output_.quiet()) environment_.err << EscapeControl(line) << "\n" << std::flush;
}

void Session::Complain(absl::string_view line) {
  environment_.err << "ecgctl: " << EscapeControl(line) << "\n" << std::flush;
}

absl::StatusOr<std::string> Session::ReadInput(const std::string& path, size_t limit) {
  if (path != "-") {
    ASSIGN_OR_RETURN(std::string content, ReadFile(path, limit), absl::InvalidArgumentError(_.message()));
    return content;
  }
  std::string content(limit + 1, '\0');
  environment_.in.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<size_t>(environment_.in.gcount()));
  if (content.size() > limit) {
    return absl::InvalidArgumentError(absl::StrCat("standard input holds more than ", limit, " bytes"));
  }
  return content;
}

}  // namespace ecgtrain
