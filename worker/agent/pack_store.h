// Packs of the worker: made by ecg-data before the first attempt that needs one, remembered for the next.
#ifndef ECGTRAIN_WORKER_AGENT_PACK_STORE_H_
#define ECGTRAIN_WORKER_AGENT_PACK_STORE_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cancellation.h"
#include "common/mutex.h"
#include "ecgtrain/v1/job.pb.h"
#include "worker/agent/child_process.h"
#include "worker/agent/settings.h"

namespace ecgtrain {

struct PackRequest {
  std::string dataset;
  uint32_t rate = 0;  // samples a second
  bool highpass = true;
};

struct KnownPack {
  std::filesystem::path path;
  v1::DatasetPack description;
};

// Thread-safe: two attempts that want the same pack make it once.
class PackStore {
 public:
  // `folder` holds the packs and index.json, which maps what was asked for to the pack that answered it.
  // `on_change` is called, without locks, after each change of what Describe says.
  PackStore(std::filesystem::path folder, std::filesystem::path data_tool,
            std::map<std::string, DatasetSettings> datasets, std::function<void()> on_change);

  // ecg-data is asked each time, so that changed recordings or labels get a pack of their own; it writes its
  // messages to `log_fd`. Where the recordings are gone the pack of last time serves. Errors carry an
  // ErrorInfo whose reason is the EndReason of the attempt: DATA_MISSING, DATA_CORRUPT, DISK_FULL,
  // START_FAILED. CANCELLED when `stop` came first.
  absl::StatusOr<KnownPack> Ensure(const PackRequest& request, int log_fd, Cancellation& stop);

  // As the settings state it; "" for an unknown name.
  std::string VersionOf(const std::string& dataset) const;

  // The data sets of the settings with the packs that are there.
  std::vector<v1::WorkerDataset> Describe();

 private:
  absl::StatusOr<KnownPack> Make(const DatasetSettings& dataset, const PackRequest& request, int log_fd,
                                 Cancellation& stop);
  std::optional<KnownPack> Remembered(const std::string& key);
  void Remember(const std::string& key, const KnownPack& pack);

  const std::filesystem::path folder_;
  const std::filesystem::path data_tool_;
  const std::map<std::string, DatasetSettings> datasets_;
  const std::function<void()> on_change_;
  Mutex mutex_;
  std::map<std::string, KnownPack> index_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> under_way_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_PACK_STORE_H_
