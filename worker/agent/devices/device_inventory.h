// The devices a worker offers: its CPU slots and its GPUs.
#ifndef ECGTRAIN_WORKER_AGENT_DEVICES_DEVICE_INVENTORY_H_
#define ECGTRAIN_WORKER_AGENT_DEVICES_DEVICE_INVENTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

// "cpu/0", "cpu/1", ...: `threads` divided evenly, the first slots take the rest.
std::vector<v1::Device> CpuSlots(uint32_t slots, uint32_t threads);

// The GPUs that the driver's management library (NVML) lists, each with an even share of `threads` for its
// trainer. The library is loaded at run time, so that the program needs none on a host without GPUs:
// NOT_FOUND there. INTERNAL with the library's error number when it does not answer.
absl::StatusOr<std::vector<v1::Device>> FindGpus(const std::string& nvml_library, uint32_t threads);

// ECGTRAIN_NVML, else "libnvidia-ml.so.1".
std::string NvmlLibrary();

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_DEVICES_DEVICE_INVENTORY_H_
