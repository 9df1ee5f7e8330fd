#include "worker/train/mask.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace ecgtrain {

std::vector<uint8_t> DrawMask(const MaskSettings& settings, uint32_t samples, SampleRange signal,
                              const RandomStream& stream) {
  const uint32_t cell_count = samples / settings.cell;
  uint32_t first = 0;
  uint32_t last = cell_count;
  if (settings.avoid_padding) {  // cells that hold some signal
    first = signal.begin / settings.cell;
    last = (signal.end + settings.cell - 1) / settings.cell;
  }
  std::vector<uint8_t> mask(cell_count, 0);
  std::vector<uint32_t> cells(last - first);
  std::iota(cells.begin(), cells.end(), first);
  // At least one where there is a choice: a record that hides nothing teaches nothing.
  const size_t count = cells.empty() ? 0 : std::max<int64_t>(1, std::llround(settings.ratio * cells.size()));
  switch (settings.draw) {
    case MaskDraw::kExact:
      for (size_t i = 0; i < count; ++i) {
        std::swap(cells[i], cells[i + stream.Below(i, cells.size() - i)]);
        mask[cells[i]] = 1;
      }
      break;
    case MaskDraw::kBernoulli:
      for (const uint32_t cell : cells) mask[cell] = stream.Uniform(cell) < settings.ratio;
      break;
    case MaskDraw::kWithReplacement:
      for (size_t i = 0; i < count; ++i) mask[cells[stream.Below(i, cells.size())]] = 1;
      break;
  }
  return mask;
}

}  // namespace ecgtrain
