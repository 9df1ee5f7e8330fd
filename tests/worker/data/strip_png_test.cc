// Reads the pictures back with cairo, which wrote them; the chunks that say how large they are byte by byte.
#include <cairo/cairo.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "worker/data/pack.h"
#include "worker/data/strip.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint32_t kWhite = 0xffffff;

// A picture of the page, whose pixels are found by their place on it in millimetres.
class Picture {
 public:
  Picture(absl::string_view png, int dpi) : scale_(dpi / 25.4) {
    surface_ = cairo_image_surface_create_from_png_stream(
        [](void* rest, unsigned char* bytes, unsigned int size) {
          auto& left = *static_cast<absl::string_view*>(rest);
          if (left.size() < size) return CAIRO_STATUS_READ_ERROR;
          std::memcpy(bytes, left.data(), size);
          left.remove_prefix(size);
          return CAIRO_STATUS_SUCCESS;
        },
        &png);
    EXPECT_EQ(cairo_surface_status(surface_), CAIRO_STATUS_SUCCESS);
  }
  ~Picture() { cairo_surface_destroy(surface_); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  int width() const { return cairo_image_surface_get_width(surface_); }
  int height() const { return cairo_image_surface_get_height(surface_); }

  uint32_t At(double x, double y) const {
    uint32_t pixel;
    const auto row = static_cast<ptrdiff_t>(y * scale_) * cairo_image_surface_get_stride(surface_);
    std::memcpy(&pixel, cairo_image_surface_get_data(surface_) + row + static_cast<ptrdiff_t>(x * scale_) * 4,
                sizeof pixel);
    return pixel & 0xffffff;
  }

  // How much of a part of the page is darker than the grid can be.
  double Ink(double x, double y, double width, double height) const {
    int dark = 0, all = 0;
    for (double down = y; down < y + height; down += 1 / scale_) {
      for (double right = x; right < x + width; right += 1 / scale_, ++all)
        dark += (At(right, down) >> 8 & 0xff) < 0x60 ? 1 : 0;  // green
    }
    return static_cast<double>(dark) / all;
  }

 private:
  double scale_;
  cairo_surface_t* surface_;
};

uint32_t Number(absl::string_view png, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(png.at(at + i));
  return number;
}

// Ten seconds without a signal but for lead I, which is at 1 mV from 1 s to 1.4 s.
Strip MakePlateau(const std::string& title = "") {
  Strip strip{title, 100, std::vector<double>(1000 * kLeads, 0.0)};
  for (int t = 100; t < 140; ++t) strip.millivolts[t * kLeads] = 1;
  return strip;
}

TEST(StripPngTest, FileStatesSizeAndResolution) {
  struct Case {
    int dpi;
    uint32_t width, height, pixels_a_metre;
  };
  // 270 x 160 mm, a pixel that is begun included; a metre has 39.37 inches.
  for (const Case& each :
       {Case{72, 766, 454, 2835}, Case{300, 3189, 1890, 11811}, Case{600, 6378, 3780, 23622}}) {
    const auto png = DrawPng(MakePlateau(), each.dpi);
    ASSERT_TRUE(png.ok()) << png.status();
    EXPECT_THAT(*png, StartsWith("\x89PNG\r\n\x1a\n"));
    EXPECT_EQ(png->substr(12, 4), "IHDR");
    EXPECT_EQ(Number(*png, 16), each.width);
    EXPECT_EQ(Number(*png, 20), each.height);
    EXPECT_EQ(Number(*png, 33), 9u);
    EXPECT_EQ(png->substr(37, 4), "pHYs");
    EXPECT_EQ(Number(*png, 41), each.pixels_a_metre);
    EXPECT_EQ(Number(*png, 45), each.pixels_a_metre);
    EXPECT_EQ(png->at(49), 1) << "the unit is the metre";
    const Picture picture(*png, each.dpi);  // the PNG library compares the checksums
    EXPECT_EQ(picture.width(), static_cast<int>(each.width));
    EXPECT_EQ(picture.height(), static_cast<int>(each.height));
  }
}

TEST(StripPngTest, ChecksumOfTheResolutionIsThatOfPng) {
  // As every PNG writer has it for 11811 pixels a metre; readers pass over a chunk that is damaged.
  const auto png = DrawPng(MakePlateau(), 300);
  ASSERT_TRUE(png.ok()) << png.status();
  EXPECT_EQ(Number(*png, 50), 0x78a53f76u);
}

TEST(StripPngTest, PulseAndSamplesAreWhereTheScalePutsThem) {
  const Picture picture(*DrawPng(MakePlateau(), 300), 300);
  // The first row's base line is at 27.5 mm, a millivolt 10 mm above it. The pulse lasts from 7.5 to 12.5 mm,
  // the plateau, which begins 15 mm from the left, from 25 mm on for 10 mm.
  for (const double x : {8.0, 10.0, 12.0, 41.0, 45.0, 49.0}) {
    EXPECT_LT(picture.At(x, 17.5) & 0xff, 0x40u) << x << " mm: a line at 1 mV";
    EXPECT_GT(picture.At(x, 17.1) & 0xff, 0x80u) << x << " mm: a thin one";
    EXPECT_GT(picture.At(x, 17.9) & 0xff, 0x80u) << x << " mm: a thin one";
    EXPECT_GT(picture.At(x, 27.5) & 0xff, 0x80u) << x << " mm: none at 0 mV";
  }
  for (const double x : {6.5, 13.5, 30.0, 60.0}) {
    EXPECT_LT(picture.At(x, 27.5) & 0xff, 0x40u) << x << " mm: a line at 0 mV";
    EXPECT_GT(picture.At(x, 17.5) & 0xff, 0x80u) << x << " mm: none at 1 mV";
  }
}

TEST(StripPngTest, GridHasItsColoursAndMarginsAreWhite) {
  const Picture picture(*DrawPng(MakePlateau("title"), 600), 600);
  EXPECT_EQ(picture.At(50.01, 42.5), 0xe58f8fu) << "a line of the 5 mm grid";
  EXPECT_EQ(picture.At(52.5, 40.01), 0xe58f8fu);
  EXPECT_EQ(picture.At(51.01, 42.5), 0xf4c6c6u) << "a line of the 1 mm grid";
  EXPECT_EQ(picture.At(51.5, 42.5), kWhite) << "between the lines";
  for (double y = 0.5; y < 160; y += 0.25) {
    for (const double x : {0.5, 4.5, 265.5, 269.5})
      EXPECT_EQ(picture.At(x, y), kWhite) << x << " mm, " << y << " mm";
  }
  for (double x = 0.5; x < 270; x += 0.25) {
    for (const double y : {0.5, 3.0, 9.0, 151.0, 157.0, 159.5})
      EXPECT_EQ(picture.At(x, y), kWhite) << x << " mm, " << y << " mm";
  }
}

TEST(StripPngTest, TextIsThereAndStaysWithinThePage) {
  const Picture untitled(*DrawPng(MakePlateau(), 150), 150);
  EXPECT_EQ(untitled.Ink(0, 0, 270, 9), 0);
  EXPECT_GT(untitled.Ink(5, 151, 50, 5), 0.03) << "the scale";
  EXPECT_GT(untitled.Ink(78, 12, 10, 4), 0.03) << "the name of aVR";
  const Picture titled(*DrawPng(MakePlateau("00001_lr   0 to 10 s"), 150), 150);
  EXPECT_GT(titled.Ink(5, 3, 40, 5), 0.03);
  EXPECT_EQ(titled.Ink(100, 0, 170, 9), 0) << "right of the title";
}

TEST(StripPngTest, HostileTitlesAreDrawnAsFarAsTheyGo) {
  for (const std::string& title :
       {std::string(1 << 20, 'x'), std::string(1 << 20, '\xff'), std::string(1 << 20, '\0'),
        std::string("\xed\xa0\x80\xf5\x1b[2J"), std::string("\xf0\x9f\x92\x93 na\xc3\xafve \xd8\xb5")}) {
    const Strip strip = MakePlateau(title);
    const auto png = DrawPng(strip, 100);
    ASSERT_TRUE(png.ok()) << png.status();
    const Picture picture(*png, 100);
    EXPECT_GT(picture.Ink(5, 3, 10, 5), 0.01);
    const std::string svg = DrawSvg(strip);
    EXPECT_LT(svg.size(), DrawSvg(MakePlateau()).size() + 1000);
    EXPECT_EQ(svg.find_first_of(std::string("\0\x1b\xff\xed", 4)), std::string::npos) << "no XML";
    EXPECT_FALSE(absl::StrContains(DrawText(strip, 40), "\x1b"));
  }
}

TEST(StripPngTest, SameStripGivesTheSameBytes) {
  EXPECT_EQ(*DrawPng(MakePlateau("t"), 100), *DrawPng(MakePlateau("t"), 100));
  EXPECT_NE(*DrawPng(MakePlateau("t"), 100), *DrawPng(MakePlateau("u"), 100));
}

TEST(StripPngTest, OtherResolutionsAreRefused) {
  for (const int dpi : {0, -300, 71, 601, std::numeric_limits<int>::max()}) {
    const absl::Status status = DrawPng(MakePlateau(), dpi).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << dpi;
    EXPECT_THAT(std::string(status.message()), HasSubstr("dpi: expected 72 to 600, found"));
  }
}

TEST(StripPngTest, EmptyAndWildRecordingsAreDrawn) {
  EXPECT_TRUE(DrawPng({"", 100, {}}, 72).ok());
  Strip wild = MakePlateau();
  for (size_t i = 0; i < wild.millivolts.size(); ++i)
    wild.millivolts[i] = i % 2 == 0 ? (i % 4 == 0 ? 1e300 : -1e300) : std::numeric_limits<double>::infinity();
  EXPECT_TRUE(DrawPng(wild, 72).ok());
}

}  // namespace
}  // namespace ecgtrain
