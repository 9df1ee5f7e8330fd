// GetServerStatus.
#ifndef ECGTRAIN_SERVER_API_SERVER_STATUS_H_
#define ECGTRAIN_SERVER_API_SERVER_STATUS_H_

#include "absl/status/statusor.h"
#include "server/api/api_context.h"

namespace ecgtrain {

// Waits for the disk. Errors are the store's.
absl::StatusOr<v1::GetServerStatusResponse> ReadServerStatus(ApiContext& api);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_SERVER_STATUS_H_
