#include "worker/train/pass_progress.h"

#include <algorithm>

namespace ecgtrain {

absl::Status PassProgress::Report(const TrainingPlace& place, size_t done, size_t total) {
  const absl::Duration now = clock_.Monotonic();
  if (!due_.TakeDue(now) && done != total) return absl::OkStatus();
  const double seconds = absl::ToDoubleSeconds(now - begin_);
  nlohmann::json event = PlaceToJson(place);
  event["done"] = done;
  event["total"] = total;
  event["records_per_second"] = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  event["step_seconds"] = seconds / static_cast<double>(std::max<size_t>(done, 1));
  event["data_wait_seconds"] = 0;
  return events_.Append("progress", event);
}

}  // namespace ecgtrain
