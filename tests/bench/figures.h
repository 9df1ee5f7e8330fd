// Printing of benchmark figures: one JSON object a line on stdout, a sentence for people on stderr.
#ifndef ECGTRAIN_TESTS_BENCH_FIGURES_H_
#define ECGTRAIN_TESTS_BENCH_FIGURES_H_

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"

namespace ecgtrain::bench {

inline void PrintFigure(const std::string& figure, double value, const std::string& unit) {
  absl::PrintF("{\"figure\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"}\n", figure, value, unit);
  std::fflush(stdout);
  absl::FPrintF(stderr, "%-28s %10.4g %s\n", figure, value, unit);
}

// The value below which `share` of the sorted values lie. `values` must not be empty.
inline double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
}

}  // namespace ecgtrain::bench

#endif  // ECGTRAIN_TESTS_BENCH_FIGURES_H_
