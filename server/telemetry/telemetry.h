// Prometheus metrics of the coordinator.
//
// Series keyed by job or worker come from one read of the store at each scrape, so that none outlives its
// row; counters and histograms of low cardinality live as long as the process. Names: metric_table.h.
#ifndef ECGTRAIN_SERVER_TELEMETRY_TELEMETRY_H_
#define ECGTRAIN_SERVER_TELEMETRY_TELEMETRY_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "server/api/rpc_observer.h"
#include "server/coordinator/coordinator.h"
#include "server/coordinator/observer.h"
#include "server/store/store_observer.h"

namespace ecgtrain {

class ProcessCounters;

// Hears what happens, from every part of the server. Thread-safe.
class Telemetry {
 public:
  Telemetry();
  ~Telemetry();

  Observer& counts();
  RpcObserver& rpcs();
  StoreObserver& store();
  ProcessCounters& counters() { return *counters_; }

  void SetReady(bool ready);
  void SetBackupTime(absl::Time time);

  // Ends WaitForEnd(). The first status counts.
  void End(const absl::Status& status);
  // Returns when the store has reported that it cannot go on, or after End().
  absl::Status WaitForEnd();

 private:
  class StoreHears;

  const std::unique_ptr<ProcessCounters> counters_;
  const std::unique_ptr<StoreHears> store_;
  Mutex mutex_;
  CondVar ended_;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

// The page: /metrics in plain text, plain HTTP. Never TLS: the embedded server dies of the first TLS
// connection; put a proxy in front where that is needed. Thread-safe.
class MetricsServer {
 public:
  // `address` is HOST:PORT, port 0 for any. UNAVAILABLE when it cannot be bound.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address,
                                                              Telemetry& telemetry, Coordinator& coordinator,
                                                              bool insecure);
  virtual ~MetricsServer() = default;
  virtual uint16_t port() const = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_TELEMETRY_TELEMETRY_H_
