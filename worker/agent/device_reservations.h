// A device serves one trainer at a time, whatever the coordinator says: the next one starts when the last one
// is gone.
#ifndef ECGTRAIN_WORKER_AGENT_DEVICE_RESERVATIONS_H_
#define ECGTRAIN_WORKER_AGENT_DEVICE_RESERVATIONS_H_

#include <set>
#include <string>
#include <vector>

#include "client/cancellation.h"
#include "common/mutex.h"

namespace ecgtrain {

// Thread-safe.
class DeviceReservations {
 public:
  // All of `devices` at once; waits while another holds one of them. False when `stop` came first.
  bool Acquire(const std::vector<std::string>& devices, Cancellation& stop);
  // For trainers that run already.
  void Take(const std::vector<std::string>& devices);
  void Release(const std::vector<std::string>& devices);

 private:
  Mutex mutex_;
  std::multiset<std::string> taken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_DEVICE_RESERVATIONS_H_
