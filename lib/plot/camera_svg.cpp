#include "lib/plot/camera_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "lib/base/error.hpp"
#include "lib/plot/axis.hpp"

namespace alisio::plot {
namespace {

/// Anchors of a perceptually even scale from dark blue over green to yellow (viridis, CC0).
constexpr std::array<std::array<int, 3>, 11> kScale{{{68, 1, 84},
                                                     {72, 36, 117},
                                                     {65, 68, 135},
                                                     {53, 95, 141},
                                                     {42, 120, 142},
                                                     {33, 145, 140},
                                                     {34, 168, 132},
                                                     {68, 191, 112},
                                                     {122, 209, 81},
                                                     {189, 223, 38},
                                                     {253, 231, 37}}};
constexpr Colour no_value{0xc8, 0xc8, 0xc8}, outlined{0xe4, 0x00, 0x2b};

Colour colour(double fraction) {
  const double place = std::clamp(fraction, 0.0, 1.0) * (kScale.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(place), kScale.size() - 2);
  std::array<std::uint8_t, 3> rgb{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double a = kScale[below][c], b = kScale[below + 1][c];
    rgb[c] =
        static_cast<std::uint8_t>(std::lround(a + (b - a) * (place - static_cast<double>(below))));
  }
  return {rgb[0], rgb[1], rgb[2]};
}

struct Range {
  double low, high;
};

Range scale_range(std::span<const double> values, const CameraDisplay& display) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  if (low > high) low = high = 0;
  if (!std::isnan(display.minimum)) low = display.minimum;
  if (!std::isnan(display.maximum)) high = display.maximum;
  if (!(high > low)) high = low + 1;
  return {low, high};
}

}  // namespace

double draw_camera(Drawing& drawing, Point corner, const instrument::CameraGeometry& geometry,
                   std::span<const double> values, const CameraDisplay& display,
                   std::span<const std::uint8_t> mask) {
  const std::size_t n = geometry.n_pixels;
  if (values.size() != n || (!mask.empty() && mask.size() != n))
    throw Error(ErrorKind::bug, "the values to draw do not fit the camera geometry", geometry.name);
  const auto [low, high] = scale_range(values, display);

  // Layout in px: a square for the camera, to its right a strip for the scale, to its left and
  // below the axes, a line above.
  const double strip = 110, left = 58, margin = 12, header = 34, below = 46;
  const double side = display.width - strip - left - margin;
  double radius = 0;  // of the camera, m
  for (std::size_t i = 0; i < n; ++i)
    radius = std::max(radius, std::hypot(geometry.x[i], geometry.y[i]));
  radius += geometry.pixel_width;
  const double zoom = side / (2 * radius);
  const Point centre{corner.x + left + side / 2, corner.y + header + side / 2};
  auto& shapes = drawing.shapes;
  shapes.push_back(Text{{centre.x, corner.y + 22}, display.title, 15, Text::Anchor::middle});

  // One hexagon serves all pixels. Unrotated, a corner points along y of the camera frame; the
  // page, whose y runs down, shows (x, y) of the camera frame at (-y, x).
  const double to_corner = geometry.pixel_width / std::sqrt(3.0) * zoom;
  const double turn = (geometry.pixel_rotation_deg + 90) * std::numbers::pi / 180;
  Tiles pixels;
  for (int k = 0; k < 6; ++k) {
    const double angle = turn + k * std::numbers::pi / 3;
    pixels.outline.push_back({-to_corner * std::sin(angle), to_corner * std::cos(angle)});
  }
  Tiles outlines{pixels.outline, {}, false, outlined, 1.2};
  const std::string unit = display.unit.empty() ? "" : " " + display.unit;
  for (std::size_t i = 0; i < n; ++i) {
    const bool known = std::isfinite(values[i]);
    const Point at{centre.x - geometry.y[i] * zoom, centre.y + geometry.x[i] * zoom};
    pixels.tiles.push_back(
        {at, known ? colour((values[i] - low) / (high - low)) : no_value,
         fmt::format("pixel {}: {}",
                     geometry.pix_id.empty() ? static_cast<std::int64_t>(i) : geometry.pix_id[i],
                     known ? fmt::format("{:.4g}{}", values[i], unit) : "no value")});
    if (!mask.empty() && mask[i]) outlines.tiles.push_back({at, {}, {}});
  }
  shapes.push_back(std::move(pixels));
  if (!outlines.tiles.empty()) shapes.push_back(std::move(outlines));

  // Axes in metres of the engineering frame.
  const double x0 = centre.x - side / 2, y1 = centre.y + side / 2;
  shapes.push_back(Line{{{x0, centre.y - side / 2}, {x0, y1}, {x0 + side, y1}}, pale_ink});
  for (const double m : round_ticks(-radius, radius, 6).values) {
    const double x = centre.x + m * zoom, y = centre.y - m * zoom;
    shapes.push_back(Line{{{x, y1}, {x, y1 + 5}}, pale_ink});
    shapes.push_back(Text{{x, y1 + 18}, fmt::format("{:g}", m), 12, Text::Anchor::middle});
    shapes.push_back(Line{{{x0 - 5, y}, {x0, y}}, pale_ink});
    shapes.push_back(Text{{x0 - 8, y + 4}, fmt::format("{:g}", m), 12, Text::Anchor::end});
  }
  shapes.push_back(Text{{centre.x, y1 + 37},
                        "x' (m), engineering camera frame of " + geometry.name,
                        12,
                        Text::Anchor::middle});
  shapes.push_back(Text{{corner.x + 14, centre.y}, "y' (m)", 12, Text::Anchor::middle, ink, true});

  // Colour scale with round labels.
  const Point bar{x0 + side + 20, corner.y + header + 0.1 * side};
  const double bar_height = 0.8 * side;
  const int n_steps = 100;
  for (int k = 0; k < n_steps; ++k)
    shapes.push_back(Rectangle{{bar.x, bar.y + bar_height * (n_steps - 1 - k) / n_steps},
                               18,
                               bar_height / n_steps + 0.5,
                               colour((k + 0.5) / n_steps)});
  for (const double value : round_ticks(low, high, 6).values) {
    const double y = bar.y + bar_height * (high - value) / (high - low);
    shapes.push_back(Line{{{bar.x + 18, y}, {bar.x + 23, y}}, ink});
    shapes.push_back(Text{{bar.x + 26, y + 4}, fmt::format("{:g}", value)});
  }
  shapes.push_back(Text{{corner.x + display.width - 6, bar.y - 12},
                        labelled(display.quantity, display.unit),
                        13,
                        Text::Anchor::end});
  return header + side + below;
}

std::string camera_svg(const instrument::CameraGeometry& geometry, std::span<const double> values,
                       const CameraDisplay& display, std::span<const std::uint8_t> mask) {
  Drawing drawing{display.title, double(display.width), 0, {}};
  drawing.height = draw_camera(drawing, {0, 0}, geometry, values, display, mask);
  return to_svg(drawing);
}

}  // namespace alisio::plot
