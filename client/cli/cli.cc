#include "client/cli/cli.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "common/quoted.h"
#include "proto/grpc_status.h"

namespace ecgtrain {
namespace {

// What the user can do about an error, where its message does not say so itself.
std::string Hint(const absl::Status& status, absl::string_view noun) {
  // What names a command or a near name says itself what to do next.
  if (absl::StrContains(status.message(), "ecgctl ") || absl::EndsWith(status.message(), "?")) return "";
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return "; is it running? Choose another with --server HOST:PORT or ECGCTL_SERVER";
    case absl::StatusCode::kUnauthenticated:
      return "; name the file with your token by --token-file or ECGCTL_TOKEN_FILE";
    case absl::StatusCode::kNotFound:
      if (noun == "worker") return "; see ecgctl worker list";
      if (noun == "data") return "; see ecgctl data list";
      if (noun == "token") return "; see ecgctl token list";
      if (noun == "checkpoint") return "; see ecgctl checkpoint list JOB";
      return noun == "job" ? "; see ecgctl job list --all" : "";
    default:
      return "";
  }
}

void PrintError(std::ostream& err, const absl::Status& status, absl::string_view noun) {
  const std::vector<FieldViolation> violations = Violations(status);
  for (const FieldViolation& violation : violations) {
    err << "ecgctl: " << EscapeControl(absl::StrCat(violation.field, ": ", violation.description)) << "\n";
  }
  if (violations.empty()) err << "ecgctl: " << EscapeControl(status.message()) << Hint(status, noun) << "\n";
}

}  // namespace

int RunCli(const std::vector<std::string>& words, const Environment& environment) {
  const std::vector<Command> commands = AllCommands();
  const absl::StatusOr<ParsedCommandLine> parsed = ParseCommandLine(commands, words);
  if (!parsed.ok()) {
    PrintError(environment.err, parsed.status(), "");
    return static_cast<int>(ExitCodeOf(parsed.status()));
  }
  if (parsed->command == nullptr) {
    environment.out << parsed->text;
    return static_cast<int>(ExitCode::kDone);
  }
  Session session(environment, parsed->arguments);
  const absl::StatusOr<ExitCode> code = parsed->command->run(session, parsed->arguments);
  if (code.ok()) return static_cast<int>(*code);
  const absl::string_view path = parsed->command->path;
  PrintError(environment.err, code.status(), path.substr(0, path.find(' ')));
  return static_cast<int>(ExitCodeOf(code.status()));
}

}  // namespace ecgtrain
