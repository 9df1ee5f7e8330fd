// Learning rate times a factor whenever the validation metric has not improved for some epochs (paper.md,
// section 0).
#ifndef ECGTRAIN_WORKER_TRAIN_SCHEDULE_H_
#define ECGTRAIN_WORKER_TRAIN_SCHEDULE_H_

#include <cstdint>
#include <limits>

namespace ecgtrain {

// Counts epochs since the best one. Thread-compatible.
class PlateauSchedule {
 public:
  // All that a checkpoint has to keep.
  struct State {
    double learning_rate = 0;
    double best = std::numeric_limits<double>::quiet_NaN();  // no epoch yet
    uint32_t epochs_since_best = 0;
  };

  PlateauSchedule(double learning_rate, double factor, uint32_t patience, bool larger_is_better);

  double learning_rate() const { return state_.learning_rate; }

  // Takes the metric of one more epoch; whether it is the best so far. Not-a-number is never the best.
  bool Observe(double metric);

  const State& state() const { return state_; }
  void Restore(const State& state) { state_ = state; }

 private:
  double factor_;
  uint32_t patience_;
  bool larger_is_better_;
  State state_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_SCHEDULE_H_
