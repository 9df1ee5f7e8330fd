#include "server/api/server_status.h"

#include <optional>
#include <utility>

#include "common/status_macros.h"
#include "server/coordinator/proto_time.h"

namespace ecgtrain {

absl::StatusOr<v1::GetServerStatusResponse> ReadServerStatus(ApiContext& api) {
  v1::GetServerStatusResponse status;
  Coordinator& coordinator = api.coordinator();
  RETURN_IF_ERROR(coordinator.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const auto counts, reader.CountJobs());
    for (const auto& [state, count] : counts) (*status.mutable_jobs())[state] = count;
    ASSIGN_OR_RETURN(const std::vector<v1::Worker> workers, reader.ListWorkers());
    status.set_workers(static_cast<uint32_t>(workers.size()));
    for (const v1::Worker& worker : workers) {
      if (coordinator.leases().IsReachable(worker.name())) {
        status.set_workers_reachable(status.workers_reachable() + 1);
      }
    }
    return absl::OkStatus();
  }));
  status.set_version(ECGTRAIN_VERSION);
  *status.mutable_started() = ToProtoTime(api.facts().started);
  status.set_store_bytes(coordinator.store().SizeBytes());
  ASSIGN_OR_RETURN(const uint64_t artifact_bytes, coordinator.artifacts().SizeBytes());
  status.set_artifact_bytes(artifact_bytes);
  DiskGuard& disk = coordinator.admission().disk();
  if (const std::optional<FreeSpace::Room> room = disk.Room()) {  // left out where the system does not tell
    status.set_disk_free_bytes(room->free);
    status.set_disk_size_bytes(room->size);
  }
  for (std::string& what : NotTaken(disk.Level())) status.add_not_taken(std::move(what));
  status.set_insecure(api.facts().insecure);
  status.set_authentication(api.authenticator().require_credentials());
  return status;
}

}  // namespace ecgtrain
