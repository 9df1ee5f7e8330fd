#include <cairo/cairo.h>
#include <zlib.h>

#include <cmath>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/data/strip.h"
#include "worker/data/strip_page.h"

namespace ecgtrain {
namespace {

constexpr double kMillimetresPerInch = 25.4;

struct CairoDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
};

absl::Status CairoStatus(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cannot draw the PNG: ", cairo_status_to_string(status)));
}

void PaintStroke(const PageStroke& stroke, cairo_t* cairo) {
  const auto channel = [&stroke](int shift) { return (stroke.color >> shift & 0xff) / 255.0; };
  cairo_set_source_rgb(cairo, channel(16), channel(8), channel(0));
  cairo_set_line_width(cairo, stroke.width);
  for (const std::vector<PagePoint>& line : stroke.lines) {
    cairo_new_sub_path(cairo);  // the first point begins it
    for (const PagePoint& point : line) cairo_line_to(cairo, point.x, point.y);
  }
  cairo_stroke(cairo);
}

void PaintPage(const StripPage& page, cairo_t* cairo) {
  cairo_set_source_rgb(cairo, 1, 1, 1);
  cairo_paint(cairo);
  cairo_save(cairo);
  cairo_rectangle(cairo, page.grid.x, page.grid.y, page.grid.width, page.grid.height);
  cairo_clip(cairo);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  for (const PageStroke& stroke : page.strokes) PaintStroke(stroke, cairo);
  cairo_restore(cairo);
  // Cairo's own font: there without any font of the system, and the same everywhere. What it lacks, all but
  // ASCII, becomes a box.
  cairo_select_font_face(cairo, "@cairo:", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, page.font_size);
  cairo_set_source_rgb(cairo, 0, 0, 0);
  for (const PageText& text : page.texts) {
    cairo_move_to(cairo, text.start.x, text.start.y);
    cairo_show_text(cairo, text.text.c_str());
  }
}

cairo_status_t AppendBytes(void* png, const unsigned char* bytes, unsigned int size) {
  static_cast<std::string*>(png)->append(reinterpret_cast<const char*>(bytes), size);
  return CAIRO_STATUS_SUCCESS;
}

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// The chunk that says how large a pixel is; cairo writes none.
std::string PhysicalSize(int dpi) {
  const auto per_metre = static_cast<uint32_t>(std::lround(dpi * 1000 / kMillimetresPerInch));
  const std::string data = absl::StrCat("pHYs", BigEndian(per_metre), BigEndian(per_metre), "\1");
  const uLong checksum =
      crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size()));
  return absl::StrCat(BigEndian(static_cast<uint32_t>(data.size() - 4)), data,
                      BigEndian(static_cast<uint32_t>(checksum)));
}

}  // namespace

absl::StatusOr<std::string> DrawPng(const Strip& strip, int dpi) {
  if (dpi < kLowestDpi || dpi > kHighestDpi)
    return absl::InvalidArgumentError(
        absl::StrCat("dpi: expected ", kLowestDpi, " to ", kHighestDpi, ", found ", dpi));
  const StripPage page = LayOutPage(strip);
  const double scale = dpi / kMillimetresPerInch;
  // Cairo's functions take objects that have failed and do nothing; the last status tells of the first
  // failure.
  const std::unique_ptr<cairo_surface_t, CairoDeleter> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(std::ceil(page.width * scale)),
                                 static_cast<int>(std::ceil(page.height * scale))));
  const std::unique_ptr<cairo_t, CairoDeleter> cairo(cairo_create(surface.get()));
  cairo_scale(cairo.get(), scale, scale);
  PaintPage(page, cairo.get());
  RETURN_IF_ERROR(CairoStatus(cairo_status(cairo.get())));
  std::string png;
  RETURN_IF_ERROR(CairoStatus(cairo_surface_write_to_png_stream(surface.get(), AppendBytes, &png)));
  constexpr size_t kAfterHeader = 33;  // the signature and IHDR, which is the first chunk and always as long
  png.insert(kAfterHeader, PhysicalSize(dpi));
  return png;
}

}  // namespace ecgtrain
