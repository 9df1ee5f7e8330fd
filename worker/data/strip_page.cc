#include "worker/data/strip_page.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "worker/data/leads.h"

namespace ecgtrain {
namespace {

constexpr double kPerSecond = 25;
constexpr double kPerMillivolt = 10;
constexpr double kMargin = 5;
constexpr double kPulseRoom = 10;  // left of each row: the pulse and space around it
constexpr double kTop = 10;        // title
constexpr double kRowHeight = 35;
constexpr PageBox kGrid = {kMargin, kTop, kPulseRoom + kStripSeconds* kPerSecond, kStripRows* kRowHeight};
constexpr double kWidth = kGrid.width + 2 * kMargin;
constexpr double kHeight = kTop + kGrid.height + 2 * kMargin;

// More points a second than a page can show are thinned to the lowest and the highest of each stretch.
constexpr double kStretchesPerSecond = 2000;

double RowMiddle(size_t row) { return kTop + (static_cast<double>(row) + 0.5) * kRowHeight; }
double Left(double seconds) { return kMargin + kPulseRoom + seconds * kPerSecond; }

PageStroke Grid(int spacing, uint32_t color, double width) {
  PageStroke stroke{color, width, {}};
  const double right = kGrid.x + kGrid.width, bottom = kGrid.y + kGrid.height;
  for (int at = 0; at <= kGrid.width; at += spacing)
    stroke.lines.push_back({{kGrid.x + at, kGrid.y}, {kGrid.x + at, bottom}});
  for (int at = 0; at <= kGrid.height; at += spacing)
    stroke.lines.push_back({{kGrid.x, kGrid.y + at}, {right, kGrid.y + at}});
  return stroke;
}

// 1 mV for 200 ms.
std::vector<PagePoint> Pulse(size_t row) {
  const double left = kMargin + 0.5, base = RowMiddle(row), top = base - kPerMillivolt;
  return {{left, base},    {left + 2, base}, {left + 2, top},
          {left + 7, top}, {left + 7, base}, {left + 9, base}};
}

// The lowest and the highest finite sample from `begin` to `end`, by their places; none, one or two.
std::vector<size_t> Extremes(const std::vector<double>& samples, size_t begin, size_t end) {
  std::vector<size_t> finite;
  for (size_t i = begin; i < end; ++i) {
    if (std::isfinite(samples[i])) finite.push_back(i);
  }
  if (finite.size() < 2) return finite;
  const auto [low, high] = std::minmax_element(
      finite.begin(), finite.end(), [&samples](size_t a, size_t b) { return samples[a] < samples[b]; });
  return {std::min(*low, *high), std::max(*low, *high)};
}

// A line for each stretch without gaps.
void AddTrace(const Strip& strip, const StripPanel& panel, PageStroke* stroke) {
  const std::vector<double> samples = PanelSamples(strip, panel);
  const auto step = static_cast<size_t>(std::max(1.0, strip.rate / kStretchesPerSecond));
  bool drawing = false;
  for (size_t begin = 0; begin < samples.size(); begin += step) {
    const std::vector<size_t> shown = Extremes(samples, begin, std::min(begin + step, samples.size()));
    if (!shown.empty() && !drawing) stroke->lines.emplace_back();
    drawing = !shown.empty();
    for (const size_t i : shown) {
      stroke->lines.back().push_back(
          {Left(panel.begin + static_cast<double>(i) / strip.rate),
           RowMiddle(panel.row) - std::clamp(samples[i], -1e3, 1e3) * kPerMillivolt});
    }
  }
}

}  // namespace

StripPage LayOutPage(const Strip& strip) {
  StripPage page{.width = kWidth, .height = kHeight, .grid = kGrid, .font_size = 3.5};
  page.strokes = {Grid(1, 0xf4c6c6, 0.1), Grid(5, 0xe58f8f, 0.2), {.color = 0x000000, .width = 0.25}};
  PageStroke& traces = page.strokes.back();
  for (size_t row = 0; row < kStripRows; ++row) traces.lines.push_back(Pulse(row));
  for (const StripPanel& panel : StripPanels()) {
    AddTrace(strip, panel, &traces);
    page.texts.push_back(
        {{Left(panel.begin) + 1, RowMiddle(panel.row) - 12}, std::string(kLeadNames[panel.lead])});
  }
  page.texts.push_back({{kMargin, kTop - 3}, ShownTitle(strip)});
  page.texts.push_back({{kMargin, kHeight - kMargin}, "25 mm/s    10 mm/mV"});
  return page;
}

}  // namespace ecgtrain
