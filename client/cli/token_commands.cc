// ecgctl token create, list, revoke.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/job_view.h"
#include "client/cli/session.h"
#include "client/cli/text.h"
#include "common/durable_file.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

absl::StatusOr<ExitCode> Create(Session& session, const Arguments& arguments) {
  v1::CreateTokenRequest request;
  request.set_principal(arguments.Get("PRINCIPAL"));
  request.set_role(arguments.Get("--role"));
  request.set_description(arguments.Get("--description"));
  if (const auto life = arguments.Duration("--life"); life.has_value()) {
    request.mutable_life()->set_seconds(absl::ToInt64Seconds(*life));
  }
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse response, client->CreateToken(request));
  const std::string file = arguments.Get("--out");
  if (!file.empty()) {
    const absl::Status written = WriteFileDurably(file, absl::StrCat(response.secret(), "\n"), 0600);
    // The secret is shown nowhere else, so a token whose file failed is of no use to anybody.
    if (!written.ok())
      return WithContext(
          written, absl::StrCat("token ", response.token().id(),
                                " was made but not written; ecgctl token revoke ", response.token().id()));
    session.Talk(
        absl::StrCat("token ", response.token().id(), " of ", response.token().principal(), " is in ", file));
    return ExitCode::kDone;
  }
  if (session.output().for_people()) {
    session.Talk(absl::StrCat("token ", response.token().id(), " for ", response.token().principal(), " (",
                              response.token().role(), "), valid until ", Rfc3339(response.token().expires()),
                              "; it is shown this one time"));
    session.output().Write(absl::StrCat(response.secret(), "\n"));
  } else {
    session.output().Write(RenderJson(response, session.output().format() == OutputFormat::kJsonLines));
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> ListTokens(Session& session, const Arguments&) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::ListTokensResponse response, client->ListTokens());
  session.output().Print(response, response.tokens(), TokenTable(response.tokens(), session.clock().Now()));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Revoke(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  v1::ListTokensResponse revoked;
  ASSIGN_OR_RETURN(*revoked.add_tokens(),
                   client->RevokeToken(static_cast<int64_t>(*arguments.Integer("TOKEN"))));
  session.output().Print(revoked, revoked.tokens(), TokenTable(revoked.tokens(), session.clock().Now()));
  return ExitCode::kDone;
}

}  // namespace

std::vector<Command> TokenCommands() {
  return {{"token create",
           "make a token for a person or a worker",
           {{"PRINCIPAL", OptionKind::kText, "user, or the name of the worker", {}, true},
            {"--role", OptionKind::kText, "what it may do", {"user", "worker", "admin"}, true},
            {"--life", OptionKind::kDuration, "until it expires (90d)"},
            {"--description", OptionKind::kText, "what it is for"},
            {"--out", OptionKind::kText, "write it to this file, mode 0600, instead of printing it"}},
           Create},
          {"token list", "list tokens, without their secrets", {}, ListTokens},
          {"token revoke",
           "make a token useless at once",
           {{"TOKEN", OptionKind::kInteger, "its number", {}, true}},
           Revoke}};
}

}  // namespace ecgtrain
