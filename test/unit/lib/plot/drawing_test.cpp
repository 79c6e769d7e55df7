#include "lib/plot/drawing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "lib/base/error.hpp"
#include "lib/plot/axis.hpp"
#include "lib/plot/curves.hpp"

namespace alisio::plot {
namespace {

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t n = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

TEST(Ticks, are_round_and_within_the_axis) {
  const Ticks ticks = round_ticks(-0.3, 1.02, 6);
  EXPECT_DOUBLE_EQ(ticks.step, 0.5);
  ASSERT_EQ(ticks.values.size(), 3u);
  EXPECT_EQ(ticks.values[0], 0);
  EXPECT_FALSE(std::signbit(ticks.values[0]));
  EXPECT_DOUBLE_EQ(ticks.values[2], 1);
  EXPECT_EQ(round_ticks(0, 40, 10).step, 5);
  EXPECT_EQ(round_ticks(0, 3e5, 6).values.size(), 7u);
}

TEST(Drawing, svg_has_texts_escaped_and_lines_interrupted_where_nothing_is) {
  Drawing drawing{"a < b", 100, 50, {}};
  drawing.shapes.push_back(Text{{1, 2}, "x & \"y\"", 12, Text::Anchor::end});
  drawing.shapes.push_back(Line{{{0, 0}, {1, 1}, {NAN, 2}, {3, 3}, {4, 4}}});
  const std::string svg = to_svg(drawing);
  EXPECT_NE(svg.find("<title>a &lt; b</title>"), std::string::npos);
  EXPECT_NE(svg.find("text-anchor=\"end\""), std::string::npos);
  EXPECT_NE(svg.find("x &amp; &quot;y&quot;"), std::string::npos);
  EXPECT_NE(svg.find("M0.00 0.00L1.00 1.00M3.00 3.00L4.00 4.00"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(Drawing, png_has_the_size_and_the_shapes) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto file = folder / ("alisio_drawing_" + std::to_string(::getpid()) + ".png");
  const auto bytes = [&](const Drawing& drawing) {
    write_png(drawing, file, 2);
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  Drawing drawing{"t", 30, 20, {}};
  const std::string blank = bytes(drawing);
  drawing.shapes.push_back(Rectangle{{5, 5}, 10, 10, {200, 0, 0}});
  const std::string filled = bytes(drawing);
  std::filesystem::remove(file);
  ASSERT_GT(filled.size(), 24u);
  EXPECT_EQ(filled.substr(1, 3), "PNG");
  EXPECT_EQ(filled[19], 60);
  EXPECT_EQ(filled[23], 40);
  EXPECT_NE(filled, blank);
  EXPECT_THROW(write_png(drawing, folder / "no such folder" / "x.png"), Error);
}

TEST(Curves, have_a_line_each_and_a_legend) {
  Drawing drawing;
  draw_curves(drawing, {0, 0},
              {"high gain",
               "sample",
               "ADC counts",
               {{"pixel 7", {1, 2, 3}}, {"pixel 8", {NAN, 5, 2}}, {"pixel 9", {}}}});
  const std::string svg = to_svg(drawing);
  EXPECT_EQ(count(svg, "<title>pixel 7</title>"), 1u);
  EXPECT_EQ(count(svg, ">pixel 8</text>"), 1u);
  EXPECT_NE(svg.find(">ADC counts</text>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  Drawing lone;
  draw_curves(lone, {0, 0}, {"one run", "run", "rate", {{"cosmics", {NAN, 7000, NAN, 1, 2}}}});
  const auto dashes = std::count_if(lone.shapes.begin(), lone.shapes.end(), [](const Shape& shape) {
    const Line* line = std::get_if<Line>(&shape);
    return line != nullptr && line->points.size() == 2 &&
           line->points[1].x - line->points[0].x == 6;
  });
  EXPECT_EQ(dashes, 1) << "a value alone is seen too";
  Drawing empty;
  draw_curves(empty, {0, 0}, {"none", "sample", "counts", {}});
  EXPECT_EQ(to_svg(empty).find("inf"), std::string::npos);
}

}  // namespace
}  // namespace alisio::plot
