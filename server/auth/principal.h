// Who calls, and what the roles may do.
#ifndef ECGTRAIN_SERVER_AUTH_PRINCIPAL_H_
#define ECGTRAIN_SERVER_AUTH_PRINCIPAL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

enum class Role { kUser, kWorker, kAdmin };

struct Principal {
  std::string name;  // a user; for a worker's token the one worker name that it is good for, or "*"
  Role role = Role::kUser;
  bool anonymous = false;  // no credentials: a caller on loopback
};

// OK when the role may call the method ("/ecgtrain.v1.TrainingService/SubmitJobs"). PERMISSION_DENIED naming
// the role that is needed, INTERNAL for a method without a rule. Anonymous callers may do everything.
absl::Status CheckMethod(const Principal& principal, absl::string_view method);

// Whether the table has a rule for the method: a test asks it for every method of our services.
bool HasRule(absl::string_view method);

// PERMISSION_DENIED unless the caller may speak for this worker: a worker's token, for its own name or "*";
// or without credentials on loopback.
absl::Status CheckSpeaksFor(const Principal& principal, absl::string_view worker);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_AUTH_PRINCIPAL_H_
