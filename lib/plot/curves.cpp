#include "lib/plot/curves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/plot/axis.hpp"

namespace alisio::plot {
namespace {

/// Colours that the colour-blind tell apart too (Okabe and Ito 2008), yellow left out.
constexpr std::array<Colour, 8> palette{{{0x00, 0x72, 0xb2},
                                         {0xd5, 0x5e, 0x00},
                                         {0x00, 0x9e, 0x73},
                                         {0xcc, 0x79, 0xa7},
                                         {0x56, 0xb4, 0xe9},
                                         {0xe6, 0x9f, 0x00},
                                         {0x22, 0x22, 0x22},
                                         {0x8c, 0x56, 0x4b}}};

/// Draw a dash where a value has no neighbour that a line could lead to.
void add_lone_values(const Line& line, std::vector<Shape>& shapes) {
  constexpr double half_dash = 3;  // px
  const auto is_there = [&](std::size_t k) {
    return k < line.points.size() && std::isfinite(line.points[k].y);
  };
  for (std::size_t k = 0; k < line.points.size(); ++k) {
    if (!is_there(k) || is_there(k + 1) || (k > 0 && is_there(k - 1))) continue;
    const Point& at = line.points[k];
    shapes.push_back(
        Line{{{at.x - half_dash, at.y}, {at.x + half_dash, at.y}}, line.colour, 2 * line.width});
  }
}

}  // namespace

void draw_curves(Drawing& drawing, Point corner, const CurvePlot& plot) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::size_t n_samples = 2;
  for (const SampledCurve& curve : plot.curves) {
    n_samples = std::max(n_samples, curve.values.size());
    for (const double value : curve.values)
      if (std::isfinite(value)) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
  }
  if (!(low <= high)) low = 0, high = 1;
  const double air = high > low ? 0.05 * (high - low) : 0.5;
  low -= air;
  high += air;

  const double legend = 150, left = corner.x + 70, right = corner.x + plot.width - legend - 10,
               top = corner.y + 34, bottom = corner.y + plot.height - 46;
  const double last = double(n_samples - 1);
  const auto at_x = [&](double sample) { return left + (right - left) * sample / last; };
  const auto at_y = [&](double value) {
    return bottom - (bottom - top) * (value - low) / (high - low);
  };
  auto& shapes = drawing.shapes;
  shapes.push_back(Text{{(left + right) / 2, corner.y + 20}, plot.title, 14, Text::Anchor::middle});
  for (const double value : round_ticks(low, high, 6).values) {
    shapes.push_back(Line{{{left, at_y(value)}, {right, at_y(value)}}, grid_grey});
    shapes.push_back(
        Text{{left - 6, at_y(value) + 4}, fmt::format("{:g}", value), 12, Text::Anchor::end});
  }
  for (const double sample : round_ticks(0, last, 10).values) {
    shapes.push_back(Line{{{at_x(sample), bottom}, {at_x(sample), bottom + 5}}, ink});
    shapes.push_back(
        Text{{at_x(sample), bottom + 19}, fmt::format("{:g}", sample), 12, Text::Anchor::middle});
  }
  shapes.push_back(
      Line{{{left, top}, {right, top}, {right, bottom}, {left, bottom}, {left, top}}, ink});
  shapes.push_back(Text{{(left + right) / 2, bottom + 38}, plot.x_label, 13, Text::Anchor::middle});
  shapes.push_back(
      Text{{corner.x + 14, (top + bottom) / 2}, plot.y_label, 13, Text::Anchor::middle, ink, true});
  // A legend of very many lines would run out of the plot; their names are in the hover texts.
  const auto room = std::size_t((bottom - top) / 17);
  for (std::size_t i = 0; i < plot.curves.size(); ++i) {
    const SampledCurve& curve = plot.curves[i];
    const Colour& colour = palette[i % palette.size()];
    Line line{{}, colour, 1.6, i >= palette.size(), curve.name};
    for (std::size_t k = 0; k < curve.values.size(); ++k)
      line.points.push_back({at_x(double(k)), at_y(curve.values[k])});
    add_lone_values(line, shapes);
    shapes.push_back(std::move(line));
    const double y = top + 10 + 17 * double(i);
    if (i + 1 > room) continue;
    if (i + 1 == room && plot.curves.size() > room) {
      shapes.push_back(Text{{right + 12, y + 4}, fmt::format("… {} more", plot.curves.size() - i)});
      continue;
    }
    shapes.push_back(Line{{{right + 12, y}, {right + 32, y}}, colour, 2, i >= palette.size()});
    shapes.push_back(Text{{right + 38, y + 4}, curve.name});
  }
}

}  // namespace alisio::plot
