// Bearer tokens: who a caller is.
#ifndef ECGTRAIN_SERVER_AUTH_AUTHENTICATOR_H_
#define ECGTRAIN_SERVER_AUTH_AUTHENTICATOR_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock.h"
#include "server/auth/principal.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// Thread-safe.
class Authenticator {
 public:
  // `require_credentials`: callers without a token are refused, wherever they come from.
  Authenticator(JobStore& store, Clock& clock, bool require_credentials)
      : store_(store), clock_(clock), require_credentials_(require_credentials) {}

  // `authorization`: the value of that metadata key, nullopt without one. UNAUTHENTICATED, in the same words
  // for every cause, for a token that is unknown, revoked or expired and for a missing one; the store's own
  // errors otherwise.
  absl::StatusOr<Principal> Authenticate(std::optional<absl::string_view> authorization) const;

  bool require_credentials() const { return require_credentials_; }

 private:
  // Keeps the time of the last use, to the hour.
  void NoteUse(const v1::Token& token) const;

  JobStore& store_;
  Clock& clock_;
  const bool require_credentials_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_AUTH_AUTHENTICATOR_H_
