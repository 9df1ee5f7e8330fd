#include "worker/train/schedule.h"

#include <cmath>

namespace ecgtrain {

PlateauSchedule::PlateauSchedule(double learning_rate, double factor, uint32_t patience,
                                 bool larger_is_better)
    : factor_(factor), patience_(patience), larger_is_better_(larger_is_better) {
  state_.learning_rate = learning_rate;
}

bool PlateauSchedule::Observe(double metric) {
  const bool better =
      !std::isnan(metric) &&
      (std::isnan(state_.best) || (larger_is_better_ ? metric > state_.best : metric < state_.best));
  if (better) {
    state_.best = metric;
    state_.epochs_since_best = 0;
    return true;
  }
  if (++state_.epochs_since_best >= patience_) {
    state_.learning_rate *= factor_;
    state_.epochs_since_best = 0;
  }
  return false;
}

}  // namespace ecgtrain
