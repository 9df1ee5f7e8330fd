#include "server/telemetry/telemetry.h"

#include <prometheus/exposer.h>

#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "server/telemetry/process_counters.h"
#include "server/telemetry/row_collector.h"

namespace ecgtrain {
namespace {

constexpr size_t kHttpThreads = 2;

class RunningMetricsServer final : public MetricsServer {
 public:
  RunningMetricsServer(std::unique_ptr<prometheus::Exposer> exposer, std::shared_ptr<RowCollector> rows)
      : rows_(std::move(rows)), exposer_(std::move(exposer)) {}

  uint16_t port() const override { return static_cast<uint16_t>(exposer_->GetListeningPorts().front()); }

 private:
  // Shared because the exposer keeps weak pointers only.
  std::shared_ptr<RowCollector> rows_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace

class Telemetry::StoreHears final : public StoreObserver {
 public:
  explicit StoreHears(Telemetry& telemetry) : telemetry_(telemetry) {}
  void OnCommit(const CommitStatistics& statistics) override { telemetry_.counters_->OnCommit(statistics); }
  void OnFatal(const absl::Status& status) override { telemetry_.End(status); }

 private:
  Telemetry& telemetry_;
};

Telemetry::Telemetry()
    : counters_(std::make_unique<ProcessCounters>()), store_(std::make_unique<StoreHears>(*this)) {}
Telemetry::~Telemetry() = default;

Observer& Telemetry::counts() { return *counters_; }
RpcObserver& Telemetry::rpcs() { return *counters_; }
StoreObserver& Telemetry::store() { return *store_; }
void Telemetry::SetReady(bool ready) { counters_->SetReady(ready); }
void Telemetry::SetBackupTime(absl::Time time) { counters_->SetBackupTime(time); }

void Telemetry::End(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (!end_) end_ = status;
  ended_.NotifyAll();
}

absl::Status Telemetry::WaitForEnd() {
  MutexLock lock(mutex_);
  while (!end_) ended_.Wait(mutex_);
  return *end_;
}

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    Telemetry& telemetry,
                                                                    Coordinator& coordinator, bool insecure) {
  auto rows = std::make_shared<RowCollector>(coordinator, telemetry.counters(), insecure);
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(address, kHttpThreads);
    exposer->RegisterCollectable(telemetry.counters().registry());
    exposer->RegisterCollectable(rows);
    return std::make_unique<RunningMetricsServer>(std::move(exposer), std::move(rows));
  } catch (const std::exception& error) {  // the library's way to say that it cannot listen
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address, " (", error.what(),
                     "); --metrics-listen chooses another address, --no-metrics none"));
  }
}

}  // namespace ecgtrain
