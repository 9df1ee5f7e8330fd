// Saves checkpoints beside the training, announces them and keeps only those worth keeping.
#ifndef ECGTRAIN_WORKER_TRAIN_CHECKPOINT_KEEPER_H_
#define ECGTRAIN_WORKER_TRAIN_CHECKPOINT_KEEPER_H_

#include <cstdint>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/train/checkpoint.h"
#include "worker/train/events.h"

namespace ecgtrain {

// What saving does while another checkpoint is being written, and how long the call takes.
enum class SaveMode {
  kSkipIfBusy,  // dropped then; else written in the background
  kAfterOther,  // waits for the other, then written in the background
  kDurable,     // returns when it is durable and announced
};

struct RetentionConfig {
  uint32_t keep_last = 2;
  uint32_t keep_best = 1;
  std::string metric;  // what "best" goes by; higher is better but for "validation/loss"
};

// One checkpoint is written at a time, by a thread of its own, from a snapshot; all methods are called from
// one thread, which also does the announcing.
class CheckpointKeeper {
 public:
  // `folder` is checkpoints/ of the run directory; what is there already counts for retention.
  CheckpointKeeper(std::filesystem::path folder, RetentionConfig config, EventSink& events);
  ~CheckpointKeeper();

  // A full disk costs the checkpoint and a warning; DISK_FULL (failure.h) the third time in a row, or at once
  // with SaveMode::kDurable.
  absl::Status Save(Checkpoint checkpoint, bool best, SaveMode mode);

  // Announces a checkpoint whose writing has ended, if there is one. Errors as Save.
  absl::Status Poll();

  // Waits for the one being written. DISK_FULL where the latest could not be saved.
  absl::Status Finish();

  bool busy() const { return writing_.valid(); }

  static constexpr int kFullDiskLimit = 3;

 private:
  using Written = absl::StatusOr<std::vector<CheckpointFile>>;
  struct Kept {
    uint64_t step = 0;
    std::optional<double> metric;
  };

  absl::Status Collect(bool wait);
  absl::Status Announce(const std::vector<CheckpointFile>& files);
  absl::Status ApplyRetention();

  std::filesystem::path folder_;
  RetentionConfig config_;
  EventSink& events_;
  std::vector<Kept> kept_;  // by step, rising
  std::future<Written> writing_;
  nlohmann::json current_;  // manifest of the one being written
  bool current_best_ = false;
  int full_disk_count_ = 0;
};

// The value of `metric` in a manifest's `metrics`; none where the weights were not validated.
std::optional<double> ManifestMetric(const nlohmann::json& manifest, const std::string& metric);

// Whether larger values of a metric are the better ones.
bool LargerIsBetter(absl::string_view metric);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_CHECKPOINT_KEEPER_H_
