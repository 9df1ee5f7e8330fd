// Speed of a training, for `progress` events. No LibTorch here.
#ifndef ECGTRAIN_WORKER_TRAIN_PROGRESS_METER_H_
#define ECGTRAIN_WORKER_TRAIN_PROGRESS_METER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/time/time.h"

namespace ecgtrain {

// Thread-compatible. Times are those of Clock::Monotonic().
class ProgressMeter {
 public:
  explicit ProgressMeter(absl::Duration now) : last_report_(now) {}

  // One step over `records`: from `begin` to `end`, of which `data_wait` went to making the batch.
  void AddStep(size_t records, absl::Duration begin, absl::Duration data_wait, absl::Duration end);

  // Whether a report is due; once it says so, the next is due after kInterval.
  bool TakeDue(absl::Duration now);

  double records_per_second() const;
  double median_step_seconds() const;
  double data_wait_seconds() const { return absl::ToDoubleSeconds(data_wait_); }

  static constexpr absl::Duration kInterval = absl::Seconds(2);

 private:
  struct Step {
    size_t records = 0;
    absl::Duration time;
  };
  static constexpr size_t kRemembered = 64;

  std::deque<Step> steps_;  // the latest
  absl::Duration data_wait_;
  absl::Duration last_report_;
  bool reported_ = false;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_PROGRESS_METER_H_
