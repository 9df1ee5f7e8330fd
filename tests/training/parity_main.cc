// parity_main DIR: compares with the peer's files in DIR (made by tests/peer/bench.py --parity DIR, any
// width) and prints one JSON line a figure. Exit code 1 where a figure is over its limit.
#include <ATen/Parallel.h>
#include <stdio.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/training/parity.h"

namespace ecgtrain {
namespace {

bool Print(absl::string_view task, absl::string_view name, double value, double limit) {
  const nlohmann::json line = {{"figure", absl::StrCat("parity.", task, ".", name)},
                               {"value", value},
                               {"unit", "1"},
                               {"limit", limit}};
  puts(line.dump().c_str());
  return value < limit;
}

int Main(const char* folder) {
  bool within = true;
  for (const absl::string_view task : {"pretrain", "finetune"}) {
    const auto result = ComparePeer(folder, task);
    if (!result.ok()) {
      fprintf(stderr, "parity_main: %s: %s\n", folder, result.status().ToString().c_str());
      return 2;
    }
    within &= Print(task, "loss0", result->first_loss, kFirstLossLimit);
    within &= Print(task, "gradient_norms", result->gradient_norm, kGradientNormLimit);
    within &= Print(task, "losses", result->later_loss, kLaterLossLimit);
    fprintf(stderr, "%s: worst gradient norm: %s\n", std::string(task).c_str(),
            result->worst_gradient.c_str());
  }
  return within ? 0 : 1;
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: parity_main DIR   (made by tests/peer/bench.py --parity DIR)\n");
    return 2;
  }
  at::set_num_threads(1);
  try {
    return ecgtrain::Main(argv[1]);
  } catch (const std::exception& error) {
    fprintf(stderr, "parity_main: %s\n", error.what());
    return 2;
  }
}
