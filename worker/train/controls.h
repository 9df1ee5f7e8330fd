// What the outside may ask of a running training (docs/run-directory.md, Signals).
#ifndef ECGTRAIN_WORKER_TRAIN_CONTROLS_H_
#define ECGTRAIN_WORKER_TRAIN_CONTROLS_H_

#include <signal.h>

namespace ecgtrain {

// Asked between steps; bound to one thread.
class Controls {
 public:
  virtual ~Controls() = default;
  // Once true, always true.
  virtual bool StopRequested() = 0;
  // Whether a checkpoint was asked for since the last call.
  virtual bool TakeCheckpointRequest() = 0;
};

// SIGTERM and SIGUSR1. They are blocked, so that they interrupt nothing, and fetched when the training asks.
// Make it before any thread starts: threads inherit the mask.
class SignalControls final : public Controls {
 public:
  SignalControls();
  bool StopRequested() override;
  bool TakeCheckpointRequest() override;

 private:
  void Fetch();

  sigset_t signals_;
  bool stop_ = false;
  bool checkpoint_ = false;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_CONTROLS_H_
