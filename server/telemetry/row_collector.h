// Series made from rows of the store: what is no longer there is no longer served.
#ifndef ECGTRAIN_SERVER_TELEMETRY_ROW_COLLECTOR_H_
#define ECGTRAIN_SERVER_TELEMETRY_ROW_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "server/coordinator/coordinator.h"
#include "server/telemetry/process_counters.h"

namespace ecgtrain {

// Thread-safe.
class RowCollector final : public prometheus::Collectable {
 public:
  RowCollector(Coordinator& coordinator, ProcessCounters& counters, bool insecure)
      : coordinator_(coordinator), counters_(counters), insecure_(insecure) {}

  // Reads the store at most once a second; a page in between repeats the last one. Without the store, what
  // needs it is left out.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Coordinator& coordinator_;
  ProcessCounters& counters_;
  const bool insecure_;
  mutable Mutex mutex_;
  mutable std::optional<absl::Duration> collected_ ABSL_GUARDED_BY(mutex_);
  mutable std::vector<prometheus::MetricFamily> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_TELEMETRY_ROW_COLLECTOR_H_
