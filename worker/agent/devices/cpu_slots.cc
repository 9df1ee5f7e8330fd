#include <unistd.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "worker/agent/devices/device_inventory.h"

namespace ecgtrain {
namespace {

// "" where the kernel does not tell.
std::string CpuModel() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    const size_t colon = line.find(": ");
    if (absl::StartsWith(line, "model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

uint64_t MemoryBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : 0;
}

}  // namespace

std::vector<v1::Device> CpuSlots(uint32_t slots, uint32_t threads) {
  const std::string model = CpuModel();
  const uint64_t memory = MemoryBytes();
  std::vector<v1::Device> devices;
  for (uint32_t slot = 0; slot < slots; ++slot) {
    v1::Device& device = devices.emplace_back();
    device.set_id(absl::StrCat("cpu/", slot));
    device.set_kind("cpu");
    device.set_model(model);
    device.set_memory_bytes(memory / slots);
    device.set_threads(threads / slots + (slot < threads % slots ? 1 : 0));
  }
  return devices;
}

}  // namespace ecgtrain
