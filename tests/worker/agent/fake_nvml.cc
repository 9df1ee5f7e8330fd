// A driver's management library with two GPUs; FAKE_NVML_FAILS names a function that answers an error.
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Memory {
  unsigned long long total, free, used;
};

int devices[2];

int Answer(const char* function) {
  const char* fails = std::getenv("FAKE_NVML_FAILS");
  return fails != nullptr && std::strcmp(fails, function) == 0 ? 999 : 0;
}

int IndexOf(void* device) { return static_cast<int>(static_cast<int*>(device) - devices); }

}  // namespace

extern "C" {

int nvmlInit_v2() { return Answer("nvmlInit_v2"); }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return Answer("nvmlDeviceGetCount_v2");
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &devices[index];
  return Answer("nvmlDeviceGetHandleByIndex_v2");
}
int nvmlDeviceGetUUID(void* device, char* uuid, unsigned size) {
  std::snprintf(uuid, size, "GPU-0000000%d", IndexOf(device));
  return Answer("nvmlDeviceGetUUID");
}
int nvmlDeviceGetName(void*, char* name, unsigned size) {
  std::snprintf(name, size, "Test Accelerator");
  return Answer("nvmlDeviceGetName");
}
int nvmlDeviceGetMemoryInfo(void*, Memory* memory) {
  *memory = {80ULL << 30, 79ULL << 30, 1ULL << 30};
  return Answer("nvmlDeviceGetMemoryInfo");
}
}
