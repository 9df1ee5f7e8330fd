// Making, listing and revoking tokens. Secrets are 256 random bits, shown once and kept as SHA-256.
#ifndef ECGTRAIN_SERVER_AUTH_TOKENS_H_
#define ECGTRAIN_SERVER_AUTH_TOKENS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ecgtrain/v1/admin_service.pb.h"
#include "server/auth/principal.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// "user", "worker" or "admin"; INVALID_ARGUMENT for another.
absl::StatusOr<Role> ParseRole(absl::string_view role);

// Not revoked and not expired.
bool IsValidToken(const v1::Token& token, absl::Time now);

struct NewToken {
  TokenRow row;        // to be inserted
  std::string secret;  // to be shown once
};
// INVALID_ARGUMENT for an unknown role, a principal that is no identifier ("*" is allowed for workers), or a
// life that is not between a minute and 365 days.
absl::StatusOr<NewToken> MakeToken(const v1::CreateTokenRequest& request, absl::Time now);

// Revokes; OK when that was done before. NOT_FOUND.
absl::StatusOr<v1::Token> RevokeToken(StoreTransaction& store, int64_t id);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_AUTH_TOKENS_H_
