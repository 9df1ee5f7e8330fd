// Making and finding what is in the coordinator's state directory.
#ifndef ECGTRAIN_SERVER_STATE_DIRECTORY_H_
#define ECGTRAIN_SERVER_STATE_DIRECTORY_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"

namespace ecgtrain {

struct StatePaths {
  explicit StatePaths(const std::filesystem::path& root)
      : root(root),
        database(root / "coordinator.db"),
        backups(root / "backups"),
        artifacts(root / "artifacts"),
        tls(root / "tls"),
        admin_token(root / "admin.token"),
        worker_token(root / "worker.token"),
        reserve(root / "reserve"),
        address(root / "address"),
        metrics_address(root / "metrics_address") {}

  std::filesystem::path root, database, backups, artifacts, tls, admin_token, worker_token, reserve, address,
      metrics_address;
};

// Store, certificates for `tls_hosts`, and the first tokens: an admin's and one good for any worker, in files
// of mode 0600. ALREADY_EXISTS, touching nothing, when the directory holds a store.
absl::Status InitializeState(const std::filesystem::path& state_dir,
                             const std::vector<std::string>& tls_hosts, Clock& clock);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STATE_DIRECTORY_H_
