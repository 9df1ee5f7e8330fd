// Packs of the worker: made by ecg-data before the first attempt that needs one, remembered for the next.
#ifndef ECGTRAIN_WORKER_AGENT_PACK_STORE_H_
#define ECGTRAIN_WORKER_AGENT_PACK_STORE_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cancellation.h"
#include "common/mutex.h"
#include "worker/agent/child_process.h"
#include "worker/agent/settings.h"

namespace ecgtrain {

struct PackRequest {
  std::string dataset;
  uint32_t rate = 0;  // samples a second
  bool highpass = true;
};

// Thread-safe: two attempts that want the same pack make it once.
class PackStore {
 public:
  // `folder` holds the packs and index.json, which maps what was asked for to the file that answered it.
  PackStore(std::filesystem::path folder, std::filesystem::path data_tool,
            std::map<std::string, DatasetSettings> datasets);

  // The pack's path. ecg-data writes its messages to `log_fd`. Errors carry an ErrorInfo whose reason is the
  // EndReason of the attempt: DATA_MISSING, DATA_CORRUPT, DISK_FULL, START_FAILED. CANCELLED when `stop` came
  // first.
  absl::StatusOr<std::filesystem::path> Ensure(const PackRequest& request, int log_fd, Cancellation& stop);

 private:
  absl::StatusOr<std::filesystem::path> Make(const DatasetSettings& dataset, const PackRequest& request,
                                             int log_fd, Cancellation& stop);
  std::filesystem::path Remembered(const std::string& key);
  void Remember(const std::string& key, const std::filesystem::path& pack);

  const std::filesystem::path folder_;
  const std::filesystem::path data_tool_;
  const std::map<std::string, DatasetSettings> datasets_;
  Mutex mutex_;
  std::map<std::string, std::string> index_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> under_way_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_PACK_STORE_H_
