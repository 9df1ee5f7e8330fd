// The composition root: a state directory and settings become a running coordinator.
//
// State directory (0700):
//   coordinator.db        the store                       artifacts/     stored files
//   backups/              daily copies of the store
//   reserve               room for transitions when the disk is full
//   tls/{ca,server}.pem, tls/server.key                   admin.token, worker.token (0600)
//   address, metrics_address                              where it listens, while it is ready
#ifndef ECGTRAIN_SERVER_SERVER_H_
#define ECGTRAIN_SERVER_SERVER_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "server/api/api_context.h"
#include "server/coordinator/coordinator.h"

namespace ecgtrain {

struct ServerOptions {
  std::filesystem::path state_dir;
  std::string listen = "127.0.0.1:7443";  // port 0: any free one
  std::string metrics_listen = "127.0.0.1:9464";
  bool metrics = true;
  bool require_auth = false;
  bool insecure = false;
  std::filesystem::path tls_cert;  // "": tls/server.pem of the state directory where it is there
  std::filesystem::path tls_key;
  absl::Duration heartbeat_hold = absl::Seconds(5);
  DiskLimits disk;
  ApiLimits limits;
  FreeSpace* space = nullptr;  // borrowed, for tests; null: that of the state directory
  CoordinatorOptions coordinator;
};

// Thread-safe.
class Server {
 public:
  // Opens the store and listens. INVALID_ARGUMENT for settings that do not go together; FAILED_PRECONDITION
  // when the state directory is in use or missing; UNAVAILABLE when an address cannot be bound; otherwise the
  // store's errors.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options, Clock& clock);
  // Shutdown(), then everything in the reverse order.
  virtual ~Server() = default;

  // "127.0.0.1:41234"
  virtual const std::string& address() const = 0;
  // "" without metrics.
  virtual const std::string& metrics_address() const = 0;
  virtual Coordinator& coordinator() = 0;

  // Not serving; streams end with UNAVAILABLE; calls under way have five seconds. Repeated: no effect.
  virtual void Shutdown() = 0;
  // Returns when the store cannot be believed any more (it has to be opened anew by a new process), with the
  // reason; or OK after Shutdown().
  virtual absl::Status WaitForEnd() = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_SERVER_H_
