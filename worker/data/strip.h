// A recording as clinicians read it: twelve leads in three rows of four columns of 2.5 s, below them lead II
// over 10 s; 25 mm/s, 10 mm/mV, calibration pulses of 1 mV and 200 ms.
#ifndef ECGTRAIN_WORKER_DATA_STRIP_H_
#define ECGTRAIN_WORKER_DATA_STRIP_H_

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace ecgtrain {

struct Strip {
  std::string title;
  double rate = 0;  // samples a second
  std::vector<double>
      millivolts;  // [length, kLeads] in the order of pack.h, from what is shown first; NaN is a gap
};

inline constexpr double kStripSeconds = 10;
inline constexpr size_t kStripRows = 4;

// One lead's stretch of the page.
struct StripPanel {
  size_t lead = 0;
  size_t row = 0;
  double begin = 0;  // seconds, on the page and in the recording
  double end = 0;
};
inline constexpr size_t kStripPanels = 13;
std::array<StripPanel, kStripPanels> StripPanels();

// A lead's samples within a panel, as far as the recording goes, around their median: an electrode's offset
// is no signal.
std::vector<double> PanelSamples(const Strip& strip, const StripPanel& panel);

// At most 160 bytes of the title, escaped as common/quoted.h says.
std::string ShownTitle(const Strip& strip);

// A page of 270 x 160 mm as SVG, true to scale where it is printed at 100 %.
std::string DrawSvg(const Strip& strip);

inline constexpr int kLowestDpi = 72;
inline constexpr int kDefaultDpi = 300;
inline constexpr int kHighestDpi = 600;

// The same page as PNG with so many pixels an inch, which the file states: true to scale as well. The same
// strip gives the same bytes, with or without fonts on the system. INVALID_ARGUMENT for another resolution
// than from kLowestDpi to kHighestDpi, INTERNAL where cairo cannot draw, for want of memory.
absl::StatusOr<std::string> DrawPng(const Strip& strip, int dpi);

// The same for a terminal, in Braille patterns: `columns` characters wide (40 or more), with the page's
// proportions.
std::string DrawText(const Strip& strip, size_t columns);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_STRIP_H_
