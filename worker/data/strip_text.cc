#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "worker/data/leads.h"
#include "worker/data/strip.h"

namespace ecgtrain {
namespace {

// A Braille pattern is two dots wide and four high.
constexpr size_t kDotsWide = 2;
constexpr size_t kDotsHigh = 4;
constexpr size_t kPulseColumns = 4;
constexpr double kRowMillivolts = 3;
// Paper shows a millivolt as high as 0.4 s are wide.
constexpr double kSecondsPerMillivolt = 0.4;

// Dots that can be set one by one.
class Canvas {
 public:
  Canvas(size_t columns, size_t rows) : columns_(columns), cells_(columns * rows, 0) {}

  size_t width() const { return columns_ * kDotsWide; }
  size_t height() const { return cells_.size() / columns_ * kDotsHigh; }

  // Dots outside of the canvas are not there.
  void Set(ptrdiff_t x, ptrdiff_t y) {
    if (x < 0 || y < 0 || x >= static_cast<ptrdiff_t>(width()) || y >= static_cast<ptrdiff_t>(height()))
      return;
    // Bits of the dots, row by row, as Unicode numbers them.
    constexpr uint8_t kBits[kDotsHigh][kDotsWide] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    cells_[y / kDotsHigh * columns_ + x / kDotsWide] |= kBits[y % kDotsHigh][x % kDotsWide];
  }

  void VerticalLine(ptrdiff_t x, ptrdiff_t from, ptrdiff_t to) {
    // A trace far outside costs no more than one inside.
    const auto bottom = static_cast<ptrdiff_t>(height());
    const ptrdiff_t last = std::min(std::max(from, to), bottom);
    for (ptrdiff_t y = std::max<ptrdiff_t>(std::min(from, to), -1); y <= last; ++y) Set(x, y);
  }

  std::string Line(size_t row) const {
    std::string line;
    for (size_t column = 0; column < columns_; ++column) {
      const uint8_t dots = cells_[row * columns_ + column];
      if (dots == 0) {
        line += ' ';
        continue;
      }
      line += '\xe2';  // U+2800 and the dots, as UTF-8
      line += static_cast<char>(0xa0 | dots >> 6);
      line += static_cast<char>(0x80 | (dots & 0x3f));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  }

 private:
  size_t columns_;
  std::vector<uint8_t> cells_;
};

struct Scale {
  double dots_per_second = 0;
  double dots_per_millivolt = 0;
  size_t row_lines = 0;  // characters

  ptrdiff_t Y(double millivolts) const {
    const double middle = static_cast<double>(row_lines * kDotsHigh) / 2;
    return std::llround(middle - std::clamp(millivolts, -1e3, 1e3) * dots_per_millivolt);
  }
};

Scale ScaleFor(size_t columns) {
  Scale scale;
  scale.dots_per_second = static_cast<double>((columns - kPulseColumns) * kDotsWide) / kStripSeconds;
  scale.dots_per_millivolt = scale.dots_per_second * kSecondsPerMillivolt;
  scale.row_lines = static_cast<size_t>(std::ceil(kRowMillivolts * scale.dots_per_millivolt / kDotsHigh));
  return scale;
}

void DrawPulse(const Scale& scale, Canvas& canvas) {
  constexpr ptrdiff_t kLeft = 2, kRight = 5;  // columns of dots
  for (ptrdiff_t x = 1; x < kLeft; ++x) canvas.Set(x, scale.Y(0));
  canvas.VerticalLine(kLeft, scale.Y(0), scale.Y(1));
  for (ptrdiff_t x = kLeft; x < kRight; ++x) canvas.Set(x, scale.Y(1));
  canvas.VerticalLine(kRight, scale.Y(0), scale.Y(1));
}

// Each column of dots covers what the trace covers there, so that no peak is lost between samples.
void DrawTrace(const Strip& strip, const StripPanel& panel, const Scale& scale, Canvas& canvas) {
  const std::vector<double> samples = PanelSamples(strip, panel);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (!std::isfinite(samples[i])) continue;
    const double second = panel.begin + static_cast<double>(i) / strip.rate;
    const auto x = static_cast<ptrdiff_t>(kPulseColumns * kDotsWide + second * scale.dots_per_second);
    const bool joined = i > 0 && std::isfinite(samples[i - 1]);
    canvas.VerticalLine(x, scale.Y(joined ? samples[i - 1] : samples[i]), scale.Y(samples[i]));
  }
}

// Names of the row's leads above their panels.
std::string Names(size_t row, const Scale& scale) {
  std::string line;
  for (const StripPanel& panel : StripPanels()) {
    if (panel.row != row) continue;
    const auto column = kPulseColumns + static_cast<size_t>(panel.begin * scale.dots_per_second / kDotsWide);
    line.resize(std::max(line.size(), column), ' ');
    absl::StrAppend(&line, kLeadNames[panel.lead]);
  }
  return line;
}

}  // namespace

std::string DrawText(const Strip& strip, size_t columns) {
  const Scale scale = ScaleFor(columns);
  std::string text = absl::StrCat(ShownTitle(strip), "\n");
  for (size_t row = 0; row < kStripRows; ++row) {
    Canvas canvas(columns, scale.row_lines);
    DrawPulse(scale, canvas);
    for (const StripPanel& panel : StripPanels()) {
      if (panel.row == row) DrawTrace(strip, panel, scale, canvas);
    }
    absl::StrAppend(&text, Names(row, scale), "\n");
    for (size_t line = 0; line < scale.row_lines; ++line) absl::StrAppend(&text, canvas.Line(line), "\n");
  }
  return text;
}

}  // namespace ecgtrain
