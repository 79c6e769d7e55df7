#include "lib/plot/histogram.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace alisio::plot {
namespace {

std::string drawn(const HistogramPlot& plot) {
  Drawing drawing{"test", plot.width, plot.height, {}};
  draw_histograms(drawing, {0, 0}, plot);
  return to_svg(drawing);
}

TEST(Histogram, names_series_notes_and_axes) {
  HistogramPlot plot{.title = "Crab <Nebula>",
                     .x_label = "theta",
                     .y_label = "events",
                     .edges = {0, 1, 2},
                     .series = {{"on", {4, 9}, {2, 3}, true}, {"off", {1, NAN}, {}, false}},
                     .mark = 1,
                     .notes = {"12 runs"}};
  const std::string svg = drawn(plot);
  for (const char* words : {"Crab &lt;Nebula&gt;", "theta", "events", ">on<", ">off<", "12 runs",
                            "on: 9 ± 3", "stroke-dasharray"})
    EXPECT_NE(svg.find(words), std::string::npos) << words << " is not in\n" << svg;
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(Histogram, of_nothing_has_a_frame) {
  const std::string svg =
      drawn({.title = "empty", .x_label = "", .y_label = "", .edges = {0, 1}, .series = {}});
  EXPECT_NE(svg.find("empty"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  static_cast<void>(drawn({.title = "", .x_label = "", .y_label = "", .edges = {}, .series = {}}));
}

}  // namespace
}  // namespace alisio::plot
