// What ecg-data says of a pack it has made, as the coordinator is told.
#ifndef ECGTRAIN_WORKER_AGENT_PACK_DESCRIPTION_H_
#define ECGTRAIN_WORKER_AGENT_PACK_DESCRIPTION_H_

#include "absl/status/statusor.h"
#include "common/json.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

// Of the object that `ecg-data pack --json` prints; members that the message does not have are left out. Long
// notes are cut and too many of them dropped, so that a registration stays small. INVALID_ARGUMENT where a
// member is of another type, or without digests.
absl::StatusOr<v1::DatasetPack> ParsePackDescription(const nlohmann::json& report);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_PACK_DESCRIPTION_H_
