// The page of a strip, laid out once for everything that draws it. All lengths are millimetres, from the
// upper left corner of the page.
#ifndef ECGTRAIN_WORKER_DATA_STRIP_PAGE_H_
#define ECGTRAIN_WORKER_DATA_STRIP_PAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "worker/data/strip.h"

namespace ecgtrain {

struct PagePoint {
  double x = 0;
  double y = 0;
};

struct PageBox {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

// Lines of one colour and width; each joins its points.
struct PageStroke {
  uint32_t color = 0;  // 0xrrggbb
  double width = 0;
  std::vector<std::vector<PagePoint>> lines;
};

struct PageText {
  PagePoint start;  // of its base line
  std::string text;
};

// White where nothing is drawn.
struct StripPage {
  double width = 0;
  double height = 0;
  PageBox grid;
  std::vector<PageStroke> strokes;  // in their order, and only within the grid
  double font_size = 0;
  std::vector<PageText> texts;  // black, over the strokes; valid UTF-8 without control characters
};

// Bounded whatever the strip is: a title of any length and content, samples of any rate and size.
StripPage LayOutPage(const Strip& strip);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_STRIP_PAGE_H_
