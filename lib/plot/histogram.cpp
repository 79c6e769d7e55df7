#include "lib/plot/histogram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/plot/axis.hpp"

namespace alisio::plot {
namespace {

/// Colours that the colour-blind tell apart too (Okabe and Ito 2008), each with its tint.
struct Hue {
  Colour line, ground;
};
constexpr std::array<Hue, 4> hues{{{{0x00, 0x72, 0xb2}, {0xcc, 0xe3, 0xf0}},
                                   {{0xd5, 0x5e, 0x00}, {0xf7, 0xdf, 0xcc}},
                                   {{0x00, 0x9e, 0x73}, {0xcc, 0xec, 0xe3}},
                                   {{0xcc, 0x79, 0xa7}, {0xf5, 0xe4, 0xed}}}};

/// The rectangle of the plot on the page, and the values at its sides.
struct Frame {
  double left, right, top, bottom;
  double first, last, low, high;

  [[nodiscard]] double at_x(double value) const {
    return left + (right - left) * (value - first) / (last - first);
  }
  [[nodiscard]] double at_y(double value) const {
    return bottom - (bottom - top) * (value - low) / (high - low);
  }
};

double error_of(const HistogramSeries& series, std::size_t bin) {
  return bin < series.errors.size() && std::isfinite(series.errors[bin]) ? series.errors[bin] : 0;
}

Frame frame_of(Point corner, const HistogramPlot& plot) {
  double low = 0, high = 0;
  for (const HistogramSeries& series : plot.series)
    for (std::size_t bin = 0; bin < series.values.size(); ++bin) {
      if (!std::isfinite(series.values[bin])) continue;
      low = std::min(low, series.values[bin] - error_of(series, bin));
      high = std::max(high, series.values[bin] + error_of(series, bin));
    }
  if (low < 0 && low > -0.02 * high) low = 0;
  if (!(high > low)) high = low + 1;
  constexpr double beside = 250;
  return {.left = corner.x + 70,
          .right = corner.x + plot.width - beside,
          .top = corner.y + 34,
          .bottom = corner.y + plot.height - 46,
          .first = plot.edges.front(),
          .last = plot.edges.back(),
          .low = low,
          .high = high + 0.05 * (high - low)};
}

void draw_axes(Drawing& drawing, Point corner, const HistogramPlot& plot, const Frame& f) {
  auto& shapes = drawing.shapes;
  const double middle = (f.left + f.right) / 2;
  shapes.push_back(Text{{middle, corner.y + 20}, plot.title, 14, Text::Anchor::middle});
  for (const double value : round_ticks(f.low, f.high, 6).values) {
    shapes.push_back(Line{{{f.left, f.at_y(value)}, {f.right, f.at_y(value)}}, grid_grey});
    shapes.push_back(
        Text{{f.left - 6, f.at_y(value) + 4}, fmt::format("{:g}", value), 12, Text::Anchor::end});
  }
  for (const double value : round_ticks(f.first, f.last, 8).values) {
    shapes.push_back(Line{{{f.at_x(value), f.bottom}, {f.at_x(value), f.bottom + 5}}, ink});
    shapes.push_back(
        Text{{f.at_x(value), f.bottom + 19}, fmt::format("{:g}", value), 12, Text::Anchor::middle});
  }
  shapes.push_back(Text{{middle, f.bottom + 38}, plot.x_label, 13, Text::Anchor::middle});
  shapes.push_back(Text{
      {corner.x + 14, (f.top + f.bottom) / 2}, plot.y_label, 13, Text::Anchor::middle, ink, true});
}

void draw_frame(Drawing& drawing, const HistogramPlot& plot, const Frame& f) {
  if (plot.mark > f.first && plot.mark < f.last)
    drawing.shapes.push_back(
        Line{{{f.at_x(plot.mark), f.top}, {f.at_x(plot.mark), f.bottom}}, pale_ink, 1.2, true});
  drawing.shapes.push_back(Line{
      {{f.left, f.top}, {f.right, f.top}, {f.right, f.bottom}, {f.left, f.bottom}, {f.left, f.top}},
      ink});
}

void draw_steps(Drawing& drawing, const HistogramPlot& plot, const HistogramSeries& series,
                const Hue& hue, const Frame& f) {
  Line outline{{}, hue.line, 1.6, false, series.name};
  for (std::size_t bin = 0; bin + 1 < plot.edges.size() && bin < series.values.size(); ++bin) {
    const double left = f.at_x(plot.edges[bin]), right = f.at_x(plot.edges[bin + 1]);
    const double y = f.at_y(series.values[bin]), zero = f.at_y(0);
    if (std::isfinite(y) && y != zero)
      drawing.shapes.push_back(
          Rectangle{{left, std::min(y, zero)}, right - left, std::abs(zero - y), hue.ground});
    outline.points.push_back({left, y});
    outline.points.push_back({right, y});
  }
  drawing.shapes.push_back(std::move(outline));
}

void draw_points(Drawing& drawing, const HistogramPlot& plot, const HistogramSeries& series,
                 const Hue& hue, const Frame& f) {
  constexpr double half = 3;  // px
  for (std::size_t bin = 0; bin + 1 < plot.edges.size() && bin < series.values.size(); ++bin) {
    const double value = series.values[bin], error = error_of(series, bin);
    if (!std::isfinite(value)) continue;
    const double x = f.at_x((plot.edges[bin] + plot.edges[bin + 1]) / 2), y = f.at_y(value);
    drawing.shapes.push_back(Line{{{x, f.at_y(value - error)}, {x, f.at_y(value + error)}},
                                  hue.line,
                                  1.2,
                                  false,
                                  fmt::format("{}: {:g} ± {:.3g}", series.name, value, error)});
    drawing.shapes.push_back(Rectangle{{x - half, y - half}, 2 * half, 2 * half, hue.line});
  }
}

void draw_legend(Drawing& drawing, const HistogramPlot& plot, const Frame& f) {
  double y = f.top + 10;
  for (std::size_t i = 0; i < plot.series.size(); ++i, y += 18) {
    const Hue& hue = hues[i % hues.size()];
    if (plot.series[i].points)
      drawing.shapes.push_back(Rectangle{{f.right + 19, y - 3}, 6, 6, hue.line});
    else
      drawing.shapes.push_back(Rectangle{{f.right + 12, y - 5}, 20, 10, hue.ground});
    drawing.shapes.push_back(Text{{f.right + 38, y + 4}, plot.series[i].name});
  }
  y += 8;
  for (const std::string& note : plot.notes) {
    drawing.shapes.push_back(Text{{f.right + 12, y + 4}, note});
    y += 18;
  }
}

}  // namespace

void draw_histograms(Drawing& drawing, Point corner, const HistogramPlot& plot) {
  if (plot.edges.size() < 2) return;
  const Frame frame = frame_of(corner, plot);
  draw_axes(drawing, corner, plot, frame);
  for (const bool points : {false, true})  // points above the grounds
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
      const HistogramSeries& series = plot.series[i];
      if (series.points != points) continue;
      (points ? draw_points : draw_steps)(drawing, plot, series, hues[i % hues.size()], frame);
    }
  draw_frame(drawing, plot, frame);
  draw_legend(drawing, plot, frame);
}

}  // namespace alisio::plot
