// libFuzzer's entry for one target, chosen by the environment variable FUZZ_TARGET.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/fuzz/fuzz_targets.h"

namespace {

const ecgtrain::FuzzTarget& Chosen() {
  const char* name = std::getenv("FUZZ_TARGET");
  for (const ecgtrain::FuzzTarget& target : ecgtrain::kFuzzTargets) {
    if (name != nullptr && target.name == std::string(name)) return target;
  }
  ecgtrain::Require(false, "FUZZ_TARGET names no target");
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ecgtrain::FuzzTarget& target = Chosen();
  (void)ecgtrain::RunTarget(target,
                            absl::string_view(reinterpret_cast<const char*>(data), size));  // clean: enough
  return 0;
}
