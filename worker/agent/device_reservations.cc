#include "worker/agent/device_reservations.h"

#include <algorithm>

#include "absl/time/time.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(20);

}  // namespace

bool DeviceReservations::Acquire(const std::vector<std::string>& devices, Cancellation& stop) {
  while (!stop.cancelled()) {
    {
      MutexLock lock(mutex_);
      if (std::none_of(devices.begin(), devices.end(), [this](const auto& device) {
            mutex_.AssertHeld();
            return taken_.contains(device);
          })) {
        taken_.insert(devices.begin(), devices.end());
        return true;
      }
    }
    stop.SleepFor(kPoll);
  }
  return false;
}

void DeviceReservations::Take(const std::vector<std::string>& devices) {
  MutexLock lock(mutex_);
  taken_.insert(devices.begin(), devices.end());
}

void DeviceReservations::Release(const std::vector<std::string>& devices) {
  MutexLock lock(mutex_);
  for (const std::string& device : devices) {
    const auto entry = taken_.find(device);
    if (entry != taken_.end()) taken_.erase(entry);
  }
}

}  // namespace ecgtrain
