// The device a training runs on and the number format it computes in.
#ifndef ECGTRAIN_WORKER_TRAIN_DEVICE_H_
#define ECGTRAIN_WORKER_TRAIN_DEVICE_H_

#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "worker/train/spec.h"

namespace ecgtrain {

struct ComputeDevice {
  at::Device device = at::kCPU;
  bool bfloat16 = false;
  std::string precision;  // "fp32", "tf32" or "bf16"
  bool slow = false;      // bf16 on a CPU that has to emulate it
  // Batches made before they are asked for, each in a thread of its own. On a CPU a step takes hundreds of
  // times as long as its batch: one is enough, and more would be in the way.
  size_t batches_ahead = 1;
};

// Sets LibTorch up for the whole process; call it once, before the first tensor. A GPU needs libtorch_cuda.so
// beside libtorch_cpu.so, which is opened here, so that one program serves hosts with and without GPUs.
//
// USER_ERROR for a precision that the device does not have; GPU_FAULT where there is no usable GPU
// (failure.h). The GPU half has not been run on a GPU.
absl::StatusOr<ComputeDevice> PrepareDevice(const DeviceSettings& settings, Precision precision);

// What the numbers of a training depend on besides its specification: resuming elsewhere is only approximate.
nlohmann::json Fingerprint(const TrainerSpec& spec, const ComputeDevice& device);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_DEVICE_H_
