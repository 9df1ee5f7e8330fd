#include "worker/train/progress_meter.h"

#include <algorithm>

namespace ecgtrain {

void ProgressMeter::AddStep(size_t records, absl::Duration begin, absl::Duration data_wait,
                            absl::Duration end) {
  steps_.push_back({records, end - begin});
  if (steps_.size() > kRemembered) steps_.pop_front();
  data_wait_ += data_wait;
}

bool ProgressMeter::TakeDue(absl::Duration now) {
  if (reported_ && now - last_report_ < kInterval) return false;  // the first step is news
  reported_ = true;
  last_report_ = now;
  return true;
}

double ProgressMeter::records_per_second() const {
  size_t records = 0;
  absl::Duration time;
  for (const Step& step : steps_) {
    records += step.records;
    time += step.time;
  }
  return time > absl::ZeroDuration() ? static_cast<double>(records) / absl::ToDoubleSeconds(time) : 0;
}

double ProgressMeter::median_step_seconds() const {
  if (steps_.empty()) return 0;
  std::vector<absl::Duration> times;
  for (const Step& step : steps_) times.push_back(step.time);
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return absl::ToDoubleSeconds(times[times.size() / 2]);
}

}  // namespace ecgtrain
