// What the scheduler looks at, read from one snapshot of the store.
#ifndef ECGTRAIN_SERVER_COORDINATOR_SNAPSHOT_H_
#define ECGTRAIN_SERVER_COORDINATOR_SNAPSHOT_H_

#include "absl/status/statusor.h"
#include "server/coordinator/leases.h"
#include "server/coordinator/scheduler.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// Errors are the store's.
absl::StatusOr<SchedulerSnapshot> ReadSnapshot(StoreReader& reader, const Leases& leases);

// Whether any device of a reachable, uncordoned worker is free: without one a pass could lease nothing.
absl::StatusOr<bool> HasFreeDevice(StoreReader& reader, const Leases& leases);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_SNAPSHOT_H_
