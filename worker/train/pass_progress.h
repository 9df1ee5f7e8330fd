// `progress` events of passes beside the training loop: packing, scoring.
#ifndef ECGTRAIN_WORKER_TRAIN_PASS_PROGRESS_H_
#define ECGTRAIN_WORKER_TRAIN_PASS_PROGRESS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "worker/train/events.h"
#include "worker/train/progress_meter.h"
#include "worker/train/training_state.h"

namespace ecgtrain {

// One pass over records, from its making on. Bound to one thread.
class PassProgress {
 public:
  PassProgress(EventSink& events, Clock& clock)
      : events_(events), clock_(clock), begin_(clock.Monotonic()), due_(begin_) {}

  // `done` of `total` records are through: an event where one is due, and always at the end. `place` is where
  // the training stands meanwhile. Errors of the sink.
  absl::Status Report(const TrainingPlace& place, size_t done, size_t total);

 private:
  EventSink& events_;
  Clock& clock_;
  absl::Duration begin_;
  ProgressMeter due_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_PASS_PROGRESS_H_
