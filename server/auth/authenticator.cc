#include "server/auth/authenticator.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "server/auth/tokens.h"

namespace ecgtrain {
namespace {

constexpr size_t kLongestSecret = 256;
constexpr absl::Duration kUseNotedEvery = absl::Hours(1);

absl::Status Refused() {
  return absl::UnauthenticatedError(
      "no valid token: send \"authorization: Bearer TOKEN\" (ecgctl: --token-file, or ECGCTL_TOKEN_FILE)");
}

}  // namespace

absl::StatusOr<Principal> Authenticator::Authenticate(std::optional<absl::string_view> authorization) const {
  if (!authorization) {
    if (require_credentials_) return Refused();
    return Principal{.name = "local", .role = Role::kAdmin, .anonymous = true};
  }
  absl::string_view secret = *authorization;
  if (!absl::ConsumePrefix(&secret, "Bearer ") && !absl::ConsumePrefix(&secret, "bearer ")) return Refused();
  if (secret.empty() || secret.size() > kLongestSecret) return Refused();
  const std::string digest = Sha256Hex(secret);
  TokenRow row;
  const absl::Status found = store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(row, reader.FindToken(digest));
    return absl::OkStatus();
  });
  if (absl::IsNotFound(found)) return Refused();
  RETURN_IF_ERROR(found);
  if (!EqualInConstantTime(row.sha256, digest) || !IsValidToken(row.token, clock_.Now())) return Refused();
  ASSIGN_OR_RETURN(const Role role, ParseRole(row.token.role()));
  NoteUse(row.token);
  return Principal{.name = row.token.principal(), .role = role};
}

void Authenticator::NoteUse(const v1::Token& token) const {
  const absl::Time now = clock_.Now();
  if (now - absl::FromUnixSeconds(token.last_used().seconds()) < kUseNotedEvery) return;
  store_.Write(
      [id = token.id(), now](StoreTransaction& store) -> absl::Status {
        ASSIGN_OR_RETURN(const std::vector<v1::Token> tokens, store.ListTokens());
        for (v1::Token row : tokens) {
          if (row.id() != id) continue;
          row.mutable_last_used()->set_seconds(absl::ToUnixSeconds(now));
          return store.UpdateToken(row);
        }
        return absl::OkStatus();
      },
      [](absl::Status) {});  // a figure for people: the next call notes it again
}

}  // namespace ecgtrain
