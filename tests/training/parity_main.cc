// parity_main DIR conv1d|channels_last: compares with the peer's files in DIR (made by tests/peer/bench.py
// --parity DIR --dims 1|2, any width) in the same layout and prints one JSON line a figure. Exit code 1 where
// a figure is over its limit.
#include <ATen/Parallel.h>
#include <stdio.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/training/parity.h"

namespace ecgtrain {
namespace {

bool Print(absl::string_view figure, double value, double limit) {
  const nlohmann::json line = {{"figure", figure}, {"value", value}, {"unit", "1"}, {"limit", limit}};
  puts(line.dump().c_str());
  return value < limit;
}

int Main(const char* folder, absl::string_view layout) {
  bool within = true;
  for (const absl::string_view task : {"pretrain", "finetune"}) {
    const auto result = ComparePeer(
        folder, task, layout == "conv1d" ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast);
    if (!result.ok()) {
      fprintf(stderr, "parity_main: %s: %s\n", folder, result.status().ToString().c_str());
      return 2;
    }
    const std::string prefix = absl::StrCat("parity.", layout, ".", task, ".");
    within &= Print(prefix + "loss0", result->first_loss, kFirstLossLimit);
    within &= Print(prefix + "gradient_norms", result->gradient_norm, kGradientNormLimit);
    within &= Print(prefix + "losses", result->later_loss, kLaterLossLimit);
    if (!result->worst_gradient.empty()) {
      fprintf(stderr, "%sgradient_norms: worst: %s\n", prefix.c_str(), result->worst_gradient.c_str());
    }
  }
  return within ? 0 : 1;
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) {
  const absl::string_view layout = argc == 3 ? argv[2] : "";
  if (layout != "conv1d" && layout != "channels_last") {
    fprintf(
        stderr,
        "usage: parity_main DIR conv1d|channels_last   (DIR: tests/peer/bench.py --parity DIR --dims 1|2)\n");
    return 2;
  }
  at::set_num_threads(1);
  try {
    return ecgtrain::Main(argv[1], layout);
  } catch (const std::exception& error) {
    fprintf(stderr, "parity_main: %s\n", error.what());
    return 2;
  }
}
