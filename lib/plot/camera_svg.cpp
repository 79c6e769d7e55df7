#include "lib/plot/camera_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numbers>
#include <string_view>

#include "lib/base/error.hpp"

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
constexpr std::string_view kNoValue = "#c8c8c8";

std::string colour(double fraction) {
  const double place = std::clamp(fraction, 0.0, 1.0) * (kScale.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(place), kScale.size() - 2);
  std::array<int, 3> rgb{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double a = kScale[below][c], b = kScale[below + 1][c];
    rgb[c] = static_cast<int>(std::lround(a + (b - a) * (place - static_cast<double>(below))));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// The step 1, 2 or 5 times a power of ten that divides `span` into about `n` parts.
double round_step(double span, int n) {
  const double raw = span / n, power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power) return factor * power;
  }
  return 10 * power;
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

std::string camera_svg(const instrument::CameraGeometry& geometry, std::span<const double> values,
                       const CameraDisplay& display, std::span<const std::uint8_t> mask) {
  const std::size_t n = geometry.n_pixels;
  if (values.size() != n || (!mask.empty() && mask.size() != n)) {
    throw Error(ErrorKind::bug, "the values to draw do not fit the camera geometry", geometry.name);
  }
  const auto [low, high] = scale_range(values, display);

  // Layout in px: a square for the camera, a strip to its right for the scale, a line above.
  const double strip = 110, margin = 12, header = 36;
  const double side = display.width - strip - 2 * margin;
  double radius = 0;  // of the camera, m
  for (std::size_t i = 0; i < n; ++i) {
    radius = std::max(radius, std::hypot(geometry.x[i], geometry.y[i]));
  }
  radius += geometry.pixel_width;
  const double zoom = side / (2 * radius);
  const double centre_x = margin + side / 2, centre_y = header + side / 2;
  const double height = header + side + margin + 20;

  std::string svg;
  svg.reserve(n * 130 + 4096);
  auto out = std::back_inserter(svg);
  fmt::format_to(
      out,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0} {1:.0f}\" font-family=\"sans-serif\" font-size=\"13\" "
      "fill=\"#222\">\n<title>{2}</title>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<text x=\"{3:.1f}\" y=\"23\" font-size=\"16\" text-anchor=\"middle\">{2}</text>\n",
      display.width, height, escaped(display.title), centre_x);

  // One hexagon serves all pixels. Unrotated, a corner points along y of the camera frame; the
  // page, whose y runs down, shows (x, y) of the camera frame at (-y, x).
  const double corner = geometry.pixel_width / std::sqrt(3.0) * zoom;
  const double turn = (geometry.pixel_rotation_deg + 90) * std::numbers::pi / 180;
  fmt::format_to(out, "<defs><path id=\"p\" d=\"");
  for (int k = 0; k < 6; ++k) {
    const double angle = turn + k * std::numbers::pi / 3;
    const double x = corner * std::cos(angle), y = corner * std::sin(angle);
    fmt::format_to(out, "{}{:.2f} {:.2f}", k == 0 ? 'M' : 'L', -y, x);
  }
  fmt::format_to(out, "Z\"/></defs>\n<g stroke=\"#fff\" stroke-width=\"0.4\">\n");
  const std::string unit = display.unit.empty() ? "" : fmt::format(" {}", escaped(display.unit));
  const auto pixel = [&](std::size_t i, std::string_view attributes) {
    fmt::format_to(out, "<use href=\"#p\" x=\"{:.2f}\" y=\"{:.2f}\" {}",
                   centre_x - geometry.y[i] * zoom, centre_y + geometry.x[i] * zoom, attributes);
  };
  for (std::size_t i = 0; i < n; ++i) {
    const bool known = std::isfinite(values[i]);
    pixel(i,
          fmt::format("fill=\"{}\"><title>pixel {}: {}</title></use>\n",
                      known ? colour((values[i] - low) / (high - low)) : std::string(kNoValue),
                      geometry.pix_id.empty() ? static_cast<std::int64_t>(i) : geometry.pix_id[i],
                      known ? fmt::format("{:.4g}{}", values[i], unit) : "no value"));
  }
  fmt::format_to(out, "</g>\n");
  if (!mask.empty()) {
    fmt::format_to(out,
                   "<g fill=\"none\" stroke=\"#e4002b\" stroke-width=\"1.2\" "
                   "pointer-events=\"none\">\n");
    for (std::size_t i = 0; i < n; ++i) {
      if (mask[i]) pixel(i, "/>\n");
    }
    fmt::format_to(out, "</g>\n");
  }

  // Colour scale with round labels.
  const double bar_x = margin + side + 20, bar_y = header + 0.1 * side, bar_h = 0.8 * side;
  const int n_steps = 100;
  fmt::format_to(out, "<g shape-rendering=\"crispEdges\">\n");
  for (int k = 0; k < n_steps; ++k) {
    fmt::format_to(out,
                   "<rect x=\"{:.1f}\" y=\"{:.2f}\" width=\"18\" height=\"{:.2f}\" fill=\"{}\"/>\n",
                   bar_x, bar_y + bar_h * (n_steps - 1 - k) / n_steps, bar_h / n_steps + 0.5,
                   colour((k + 0.5) / n_steps));
  }
  fmt::format_to(out, "</g>\n<g font-size=\"12\">\n");
  const double step = round_step(high - low, 6);
  for (auto k = static_cast<long>(std::ceil(low / step)); static_cast<double>(k) * step <= high;
       ++k) {
    const double value = static_cast<double>(k) * step;
    const double y = bar_y + bar_h * (high - value) / (high - low);
    fmt::format_to(out,
                   "<path d=\"M{0:.1f} {1:.2f}h5\" stroke=\"#222\"/>"
                   "<text x=\"{2:.1f}\" y=\"{3:.2f}\">{4:g}</text>\n",
                   bar_x + 18, y, bar_x + 26, y + 4, value);
  }
  const std::string label = display.unit.empty() ? escaped(display.quantity)
                                                 : fmt::format("{} ({})", escaped(display.quantity),
                                                               escaped(display.unit));
  fmt::format_to(out,
                 "</g>\n<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n"
                 "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11\" fill=\"#777\">{}, engineering "
                 "camera frame</text>\n</svg>\n",
                 bar_x, bar_y - 12, label, margin, height - 8, escaped(geometry.name));
  return svg;
}

}  // namespace alisio::plot
