// What a worker may speak about: itself and the attempts leased to it.
#ifndef ECGTRAIN_SERVER_API_WORKER_CHECKS_H_
#define ECGTRAIN_SERVER_API_WORKER_CHECKS_H_

#include "absl/status/status.h"
#include "server/auth/principal.h"
#include "server/coordinator/coordinator.h"

namespace ecgtrain {

// OK when the caller may report on the attempt. A call about an attempt is a sign of life of its worker, too.
// PERMISSION_DENIED when it is leased to another worker; an attempt that is not known is left to the call
// itself.
absl::Status CheckOwnAttempt(Coordinator& coordinator, const Principal& principal,
                             const v1::AttemptRef& attempt);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_WORKER_CHECKS_H_
