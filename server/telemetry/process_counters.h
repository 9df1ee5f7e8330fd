// Counters and histograms that live as long as the process.
#ifndef ECGTRAIN_SERVER_TELEMETRY_PROCESS_COUNTERS_H_
#define ECGTRAIN_SERVER_TELEMETRY_PROCESS_COUNTERS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "server/api/rpc_observer.h"
#include "server/coordinator/observer.h"
#include "server/store/store_observer.h"

namespace ecgtrain {

// Thread-safe.
class ProcessCounters final : public Observer, public RpcObserver {
 public:
  ProcessCounters();

  void OnSubmission(absl::string_view kind, absl::string_view result) override;
  void OnTransition(v1::JobState from, v1::JobState to) override;
  void OnAttemptLeased(const v1::Job& job, absl::Duration waited) override;
  void OnAttemptEnded(absl::string_view kind, v1::EndReason reason) override;
  void OnJobEnded(const v1::Job& job) override;
  void OnSchedulerPass(absl::Duration took) override;
  void OnStaleToken(absl::string_view method) override;
  void OnHandled(RpcType type, absl::string_view method, absl::StatusCode code, absl::Duration took) override;
  void OnCommit(const CommitStatistics& statistics);
  // Series that a limit has cut from one page.
  void OnSeriesDropped(absl::string_view family, size_t count);
  void SetReady(bool ready);
  void SetBackupTime(absl::Time time);

  // Shared with the exposer, which holds weak pointers only.
  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  using Counters = prometheus::Family<prometheus::Counter>;
  using Histograms = prometheus::Family<prometheus::Histogram>;
  Counters& AddCounters(const std::string& name);
  Histograms& AddHistograms(const std::string& name);
  prometheus::Family<prometheus::Gauge>& AddGauges(const std::string& name);
  prometheus::Gauge& AddGauge(const std::string& name);

  const std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  Counters &submissions_, &transitions_, &started_, &attempts_ended_, &jobs_ended_, &stale_, &dropped_,
      &store_errors_, &handled_;
  Histograms &queue_wait_, &handling_;
  prometheus::Histogram &pass_, &commit_, &batch_;
  prometheus::Gauge &ready_, &queue_depth_;
  prometheus::Family<prometheus::Gauge>& backup_time_;  // without a series before the first backup
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_TELEMETRY_PROCESS_COUNTERS_H_
