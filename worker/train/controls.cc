#include "worker/train/controls.h"

#include <pthread.h>
#include <time.h>

#include <utility>

namespace ecgtrain {

SignalControls::SignalControls() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

void SignalControls::Fetch() {
  const timespec at_once = {};
  int signal = 0;
  while ((signal = sigtimedwait(&signals_, nullptr, &at_once)) > 0) {
    if (signal == SIGTERM) stop_ = true;
    if (signal == SIGUSR1) checkpoint_ = true;
  }
}

bool SignalControls::StopRequested() {
  Fetch();
  return stop_;
}

bool SignalControls::TakeCheckpointRequest() {
  Fetch();
  return std::exchange(checkpoint_, false);
}

}  // namespace ecgtrain
