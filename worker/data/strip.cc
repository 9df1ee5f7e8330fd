#include "worker/data/strip.h"

#include <algorithm>
#include <cmath>

#include "common/quoted.h"
#include "worker/data/pack.h"

namespace ecgtrain {

std::array<StripPanel, kStripPanels> StripPanels() {
  constexpr size_t kColumns = 4;
  constexpr double kSeconds = kStripSeconds / kColumns;
  std::array<StripPanel, kStripPanels> panels;
  for (size_t lead = 0; lead < kLeads; ++lead) {
    const size_t column = lead / 3;
    const double begin = static_cast<double>(column) * kSeconds;
    panels[lead] = {lead, lead % 3, begin, begin + kSeconds};
  }
  panels.back() = {1, kStripRows - 1, 0, kStripSeconds};
  return panels;
}

std::vector<double> PanelSamples(const Strip& strip, const StripPanel& panel) {
  const size_t length = strip.millivolts.size() / kLeads;
  const auto first = static_cast<size_t>(std::llround(panel.begin * strip.rate));
  const size_t end = std::min(length, static_cast<size_t>(std::llround(panel.end * strip.rate)));
  std::vector<double> samples;
  std::vector<double> known;
  for (size_t t = first; t < end; ++t) {
    samples.push_back(strip.millivolts[t * kLeads + panel.lead]);
    if (std::isfinite(samples.back())) known.push_back(samples.back());
  }
  if (known.empty()) return samples;
  const auto middle = known.begin() + static_cast<ptrdiff_t>(known.size() / 2);
  std::nth_element(known.begin(), middle, known.end());
  for (double& sample : samples) sample -= *middle;
  return samples;
}

std::string ShownTitle(const Strip& strip) { return Shown(strip.title, 160); }

}  // namespace ecgtrain
