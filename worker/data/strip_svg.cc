#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "worker/data/strip.h"
#include "worker/data/strip_page.h"

namespace ecgtrain {
namespace {

std::string SvgHead(const StripPage& page) {
  return absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%gmm\" height=\"%gmm\" viewBox=\"0 0 %g %g\">\n"
      "<defs><clipPath id=\"grid\"><rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\"/></clipPath></defs>\n"
      "<rect width=\"%g\" height=\"%g\" fill=\"white\"/>\n",
      page.width, page.height, page.width, page.height, page.grid.x, page.grid.y, page.grid.width,
      page.grid.height, page.width, page.height);
}

void AppendStroke(const PageStroke& stroke, std::string* svg) {
  absl::StrAppendFormat(svg, "<path stroke=\"#%06x\" stroke-width=\"%g\" d=\"", stroke.color, stroke.width);
  for (const std::vector<PagePoint>& line : stroke.lines) {
    char command = 'M';
    for (const PagePoint& point : line) {
      absl::StrAppendFormat(svg, "%c%.2f %.2f", std::exchange(command, 'L'), point.x, point.y);
    }
    svg->push_back('\n');
  }
  svg->append("\"/>\n");
}

void AppendText(const PageText& text, std::string* svg) {
  absl::StrAppendFormat(svg, "<text x=\"%g\" y=\"%g\">%s</text>\n", text.start.x, text.start.y,
                        absl::StrReplaceAll(text.text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}}));
}

}  // namespace

std::string DrawSvg(const Strip& strip) {
  const StripPage page = LayOutPage(strip);
  std::string svg = SvgHead(page);
  svg += "<g clip-path=\"url(#grid)\" fill=\"none\" stroke-linejoin=\"round\">\n";
  for (const PageStroke& stroke : page.strokes) AppendStroke(stroke, &svg);
  absl::StrAppendFormat(
      &svg, "</g>\n<g font-family=\"sans-serif\" font-size=\"%g\" xml:space=\"preserve\">\n", page.font_size);
  for (const PageText& text : page.texts) AppendText(text, &svg);
  return svg + "</g>\n</svg>\n";
}

}  // namespace ecgtrain
