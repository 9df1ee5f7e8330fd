#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/agent/devices/device_inventory.h"

namespace ecgtrain {
namespace {

// The handful of NVML that is used, declared by hand (nvml.h, API version 12): the header is no part of
// Debian.
struct NvmlMemory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
using NvmlDevice = void*;
constexpr int kNvmlSuccess = 0;
constexpr unsigned kNvmlTextSize = 96;

struct Nvml {
  int (*init)();
  int (*shutdown)();
  int (*get_count)(unsigned*);
  int (*get_handle)(unsigned, NvmlDevice*);
  int (*get_uuid)(NvmlDevice, char*, unsigned);
  int (*get_name)(NvmlDevice, char*, unsigned);
  int (*get_memory)(NvmlDevice, NvmlMemory*);
};

absl::Status NvmlError(absl::string_view function, int error) {
  return absl::InternalError(absl::StrCat(function, " answered NVML error ", error));
}

template <typename Function>
absl::Status Find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  return function != nullptr ? absl::OkStatus()
                             : absl::InternalError(absl::StrCat("the NVML library has no ", name));
}

absl::StatusOr<Nvml> FindFunctions(void* library) {
  Nvml nvml{};
  RETURN_IF_ERROR(Find(library, "nvmlInit_v2", nvml.init));
  RETURN_IF_ERROR(Find(library, "nvmlShutdown", nvml.shutdown));
  RETURN_IF_ERROR(Find(library, "nvmlDeviceGetCount_v2", nvml.get_count));
  RETURN_IF_ERROR(Find(library, "nvmlDeviceGetHandleByIndex_v2", nvml.get_handle));
  RETURN_IF_ERROR(Find(library, "nvmlDeviceGetUUID", nvml.get_uuid));
  RETURN_IF_ERROR(Find(library, "nvmlDeviceGetName", nvml.get_name));
  RETURN_IF_ERROR(Find(library, "nvmlDeviceGetMemoryInfo", nvml.get_memory));
  return nvml;
}

absl::StatusOr<v1::Device> Describe(const Nvml& nvml, unsigned index) {
  NvmlDevice handle = nullptr;
  char uuid[kNvmlTextSize] = {};
  char name[kNvmlTextSize] = {};
  NvmlMemory memory{};
  int error = nvml.get_handle(index, &handle);
  if (error != kNvmlSuccess) return NvmlError("nvmlDeviceGetHandleByIndex_v2", error);
  error = nvml.get_uuid(handle, uuid, sizeof uuid - 1);
  if (error != kNvmlSuccess) return NvmlError("nvmlDeviceGetUUID", error);
  error = nvml.get_name(handle, name, sizeof name - 1);
  if (error != kNvmlSuccess) return NvmlError("nvmlDeviceGetName", error);
  error = nvml.get_memory(handle, &memory);
  if (error != kNvmlSuccess) return NvmlError("nvmlDeviceGetMemoryInfo", error);
  v1::Device device;
  device.set_id(uuid);
  device.set_kind("gpu");
  device.set_model(name);
  device.set_memory_bytes(memory.total);
  return device;
}

}  // namespace

std::string NvmlLibrary() {
  const char* library = std::getenv("ECGTRAIN_NVML");
  return library != nullptr ? library : "libnvidia-ml.so.1";
}

absl::StatusOr<std::vector<v1::Device>> FindGpus(const std::string& nvml_library, uint32_t threads) {
  void* library = dlopen(nvml_library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return absl::NotFoundError(absl::StrCat("no NVML: ", dlerror()));
  const absl::Cleanup close = [library] { dlclose(library); };
  ASSIGN_OR_RETURN(const Nvml nvml, FindFunctions(library));
  int error = nvml.init();
  if (error != kNvmlSuccess) return NvmlError("nvmlInit_v2", error);
  const absl::Cleanup shutdown = [&nvml] { nvml.shutdown(); };
  unsigned count = 0;
  error = nvml.get_count(&count);
  if (error != kNvmlSuccess) return NvmlError("nvmlDeviceGetCount_v2", error);
  std::vector<v1::Device> devices;
  for (unsigned index = 0; index < count; ++index) {
    ASSIGN_OR_RETURN(devices.emplace_back(), Describe(nvml, index));
    devices.back().set_threads(std::max(1U, threads / count));
  }
  return devices;
}

}  // namespace ecgtrain
