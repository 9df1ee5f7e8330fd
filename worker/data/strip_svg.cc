#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "worker/data/leads.h"
#include "worker/data/strip.h"

namespace ecgtrain {
namespace {

// All in millimetres.
constexpr double kPerSecond = 25;
constexpr double kPerMillivolt = 10;
constexpr double kMargin = 5;
constexpr double kPulseRoom = 10;  // left of each row: the pulse and space around it
constexpr double kTop = 10;        // title
constexpr double kRowHeight = 35;
constexpr double kGridWidth = kPulseRoom + kStripSeconds * kPerSecond;
constexpr double kGridHeight = kStripRows * kRowHeight;
constexpr double kWidth = kGridWidth + 2 * kMargin;
constexpr double kHeight = kTop + kGridHeight + 2 * kMargin;

double RowMiddle(size_t row) { return kTop + (static_cast<double>(row) + 0.5) * kRowHeight; }
double Left(double seconds) { return kMargin + kPulseRoom + seconds * kPerSecond; }

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string Head() {
  return absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%gmm\" height=\"%gmm\" viewBox=\"0 0 %g %g\">\n"
      "<defs>\n"
      "<pattern id=\"mm\" width=\"1\" height=\"1\" patternUnits=\"userSpaceOnUse\">"
      "<path d=\"M1 0H0V1\" fill=\"none\" stroke=\"#f4c6c6\" stroke-width=\"0.1\"/></pattern>\n"
      "<pattern id=\"cm\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">"
      "<path d=\"M5 0H0V5\" fill=\"none\" stroke=\"#e58f8f\" stroke-width=\"0.2\"/></pattern>\n"
      "<clipPath id=\"page\"><rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\"/></clipPath>\n"
      "</defs>\n"
      "<rect width=\"%g\" height=\"%g\" fill=\"white\"/>\n",
      kWidth, kHeight, kWidth, kHeight, kMargin, kTop, kGridWidth, kGridHeight, kWidth, kHeight);
}

std::string Grid() {
  std::string grid;
  for (const char* pattern : {"mm", "cm"}) {
    absl::StrAppendFormat(&grid, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"url(#%s)\"/>\n",
                          kMargin, kTop, kGridWidth, kGridHeight, pattern);
  }
  return grid;
}

// 1 mV for 200 ms.
std::string Pulse(size_t row) {
  return absl::StrFormat("<path d=\"M%g %gh2v%gh5v%gh2\"/>\n", kMargin + 0.5, RowMiddle(row), -kPerMillivolt,
                         kPerMillivolt);
}

std::string Trace(const Strip& strip, const StripPanel& panel) {
  std::string path;
  bool drawing = false;
  const std::vector<double> samples = PanelSamples(strip, panel);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (!std::isfinite(samples[i])) {
      drawing = false;
      continue;
    }
    absl::StrAppendFormat(&path, "%c%.2f %.2f", drawing ? 'L' : 'M',
                          Left(panel.begin + static_cast<double>(i) / strip.rate),
                          RowMiddle(panel.row) - std::clamp(samples[i], -1e3, 1e3) * kPerMillivolt);
    drawing = true;
  }
  return path.empty() ? "" : absl::StrCat("<path d=\"", path, "\"/>\n");
}

std::string Text(double x, double y, absl::string_view text) {
  return absl::StrFormat("<text x=\"%g\" y=\"%g\">%s</text>\n", x, y, Escaped(text));
}

}  // namespace

std::string DrawSvg(const Strip& strip) {
  std::string svg = Head() + Grid();
  absl::StrAppend(&svg,
                  "<g clip-path=\"url(#page)\" fill=\"none\" stroke=\"black\" stroke-width=\"0.25\" "
                  "stroke-linejoin=\"round\">\n");
  for (size_t row = 0; row < kStripRows; ++row) svg += Pulse(row);
  for (const StripPanel& panel : StripPanels()) svg += Trace(strip, panel);
  absl::StrAppend(&svg, "</g>\n<g font-family=\"sans-serif\" font-size=\"3.5\">\n");
  for (const StripPanel& panel : StripPanels())
    svg += Text(Left(panel.begin) + 1, RowMiddle(panel.row) - 12, kLeadNames[panel.lead]);
  svg += Text(kMargin, kTop - 3, strip.title);
  svg += Text(kMargin, kHeight - kMargin, "25 mm/s    10 mm/mV");
  return svg + "</g>\n</svg>\n";
}

}  // namespace ecgtrain
