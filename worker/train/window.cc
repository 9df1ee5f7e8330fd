#include "worker/train/window.h"

#include <algorithm>

namespace ecgtrain {

uint32_t Slack(uint32_t length, uint32_t samples) {
  return length > samples ? length - samples : samples - length;
}

uint32_t AlignedPlace(Align align, uint32_t slack) { return align == Align::kStart ? 0 : slack / 2; }

Window WindowAt(uint32_t place, size_t record, uint32_t length, uint32_t samples) {
  if (length > samples) return {.record = record, .begin = place};
  return {.record = record, .padding = place};
}

SampleRange SignalRange(const Window& window, uint32_t length, uint32_t samples) {
  return {window.padding, std::min(window.padding + length - window.begin, samples)};
}

}  // namespace ecgtrain
