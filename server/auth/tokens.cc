#include "server/auth/tokens.h"

#include "absl/strings/str_cat.h"
#include "common/ids.h"
#include "common/nearest_name.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/units.h"
#include "spec/reference.h"

namespace ecgtrain {
namespace {

constexpr int64_t kDefaultLifeSeconds = 90 * 86400;
constexpr int64_t kLongestLifeSeconds = 365 * 86400;
constexpr int64_t kShortestLifeSeconds = 60;
constexpr size_t kLongestPrincipal = 63;
constexpr size_t kLongestDescription = 256;

}  // namespace

absl::StatusOr<Role> ParseRole(absl::string_view role) {
  if (role == "user") return Role::kUser;
  if (role == "worker") return Role::kWorker;
  if (role == "admin") return Role::kAdmin;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown role \"", role.substr(0, 64), "\"",
                   DidYouMean(role.substr(0, 64), {"admin", "user", "worker"})));
}

bool IsValidToken(const v1::Token& token, absl::Time now) {
  return !token.revoked() && token.has_expires() && absl::FromUnixSeconds(token.expires().seconds()) > now;
}

absl::StatusOr<NewToken> MakeToken(const v1::CreateTokenRequest& request, absl::Time now) {
  ASSIGN_OR_RETURN(const Role role, ParseRole(request.role()));
  const bool any_worker = role == Role::kWorker && request.principal() == "*";
  if (!any_worker && (!IsIdentifier(request.principal()) || request.principal().size() > kLongestPrincipal)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "principal must be of at most ", kLongestPrincipal,
        " letters, digits, '.', '_' and '-', beginning with a letter or digit (or \"*\": any worker)"));
  }
  if (request.description().size() > kLongestDescription) {
    return absl::InvalidArgumentError(absl::StrCat("description is over ", kLongestDescription, " bytes"));
  }
  const int64_t life = request.has_life() ? request.life().seconds() : kDefaultLifeSeconds;
  if (life < kShortestLifeSeconds || life > kLongestLifeSeconds) {
    return absl::InvalidArgumentError("life must be between 1m and 365d");
  }
  NewToken made;
  made.secret = NewSecret();
  made.row.sha256 = Sha256Hex(made.secret);
  v1::Token& token = made.row.token;
  token.set_principal(request.principal());
  token.set_role(request.role());
  token.set_description(request.description());
  token.mutable_created()->set_seconds(absl::ToUnixSeconds(now));
  token.mutable_expires()->set_seconds(absl::ToUnixSeconds(now) + life);
  return made;
}

absl::StatusOr<v1::Token> RevokeToken(StoreTransaction& store, int64_t id) {
  ASSIGN_OR_RETURN(const std::vector<v1::Token> tokens, store.ListTokens());
  for (v1::Token token : tokens) {
    if (token.id() != id) continue;
    if (token.revoked()) return token;
    token.set_revoked(true);
    RETURN_IF_ERROR(store.UpdateToken(token));
    return token;
  }
  return absl::NotFoundError(absl::StrCat("there is no token ", id));
}

}  // namespace ecgtrain
