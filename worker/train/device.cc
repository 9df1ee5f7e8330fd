#include "worker/train/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/headeronly/version.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/train/failure.h"

namespace ecgtrain {
namespace {

using run_directory::ExitReason;

constexpr int kMostBatchesAhead = 8;

absl::Status OpenGpu() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    return Failure(ExitReason::kGpuFault, absl::StrCat("cannot load libtorch_cuda.so: ", dlerror()));
  }
  if (!at::globalContext().hasCUDA()) {
    return Failure(ExitReason::kGpuFault, "LibTorch sees no GPU; check the driver and CUDA_VISIBLE_DEVICES");
  }
  at::globalContext().setBenchmarkCuDNN(true);
  return absl::OkStatus();
}

void AllowTf32(bool allow) {
  const at::Float32Precision precision = allow ? at::Float32Precision::TF32 : at::Float32Precision::IEEE;
  at::globalContext().setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::CONV, precision);
  at::globalContext().setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::MATMUL, precision);
}

// CPUs with AMX have these instructions, too.
bool CpuHasBfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

}  // namespace

absl::StatusOr<ComputeDevice> PrepareDevice(const DeviceSettings& settings, Precision precision) {
  ComputeDevice device;
  at::set_num_threads(settings.threads);
  // A step frees and takes the same large blocks again: giving them back to the system in between costs page
  // faults.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  if (settings.gpu) {
    RETURN_IF_ERROR(OpenGpu());
    device.device = at::Device(at::kCUDA, 0);
    device.batches_ahead = std::clamp(settings.threads, 1, kMostBatchesAhead);
    AllowTf32(precision == Precision::kTf32);
  } else if (precision == Precision::kTf32) {
    return Failure(ExitReason::kUserError, "precision: tf32 needs a GPU; this attempt runs on a CPU");
  }
  const bool fast_bfloat16 = settings.gpu || CpuHasBfloat16();
  device.bfloat16 = precision == Precision::kBf16 || (precision == Precision::kAuto && fast_bfloat16);
  device.slow = device.bfloat16 && !fast_bfloat16;
  device.precision = device.bfloat16 ? "bf16" : precision == Precision::kTf32 ? "tf32" : "fp32";
  return device;
}

nlohmann::json Fingerprint(const TrainerSpec& spec, const ComputeDevice& device) {
  return {{"program", ECGTRAIN_VERSION},
          {"libtorch", TORCH_VERSION},
          {"cpu", at::get_cpu_capability()},
          {"device", spec.device.gpu ? "gpu" : "cpu"},
          {"threads", spec.device.threads},
          {"precision", device.precision},
          {"seed", spec.seed},
          {"batch_size", spec.schedule.batch_size}};
}

}  // namespace ecgtrain
