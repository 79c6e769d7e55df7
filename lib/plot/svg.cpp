#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string_view>

#include "lib/base/markup.hpp"
#include "lib/plot/drawing.hpp"

namespace alisio::plot {
namespace {

std::string hex(const Colour& colour) {
  return fmt::format("#{:02x}{:02x}{:02x}", colour.red, colour.green, colour.blue);
}

std::string path_of(const std::vector<Point>& points) {
  std::string path;
  bool begun = false;
  for (const Point& p : points) {
    const bool drawn = std::isfinite(p.x) && std::isfinite(p.y);
    if (drawn) path += fmt::format("{}{:.2f} {:.2f}", begun ? 'L' : 'M', p.x, p.y);
    begun = drawn;
  }
  return path;
}

/// Writes one shape after the other.
struct Writer {
  std::string& svg;
  int n_outlines = 0;

  void operator()(const Tiles& tiles) {
    const int number = n_outlines++;
    auto out = std::back_inserter(svg);
    fmt::format_to(out, "<defs><path id=\"o{}\" d=\"{}Z\"/></defs>\n<g stroke=\"{}\" ", number,
                   path_of(tiles.outline), hex(tiles.stroke));
    fmt::format_to(
        out, "stroke-width=\"{:g}\"{}>\n", tiles.stroke_width,
        tiles.filled ? std::string() : std::string(" fill=\"none\" pointer-events=\"none\""));
    for (const Tiles::Tile& tile : tiles.tiles) {
      fmt::format_to(out, "<use href=\"#o{}\" x=\"{:.2f}\" y=\"{:.2f}\"", number, tile.at.x,
                     tile.at.y);
      if (tiles.filled) fmt::format_to(out, " fill=\"{}\"", hex(tile.fill));
      if (tile.hover.empty())
        svg += "/>\n";
      else
        fmt::format_to(out, "><title>{}</title></use>\n", markup_escaped(tile.hover));
    }
    svg += "</g>\n";
  }

  void operator()(const Line& line) const {
    auto out = std::back_inserter(svg);
    fmt::format_to(out, "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:g}\"{}",
                   path_of(line.points), hex(line.colour), line.width,
                   line.dashed ? std::string(" stroke-dasharray=\"4 3\"") : std::string());
    if (line.hover.empty())
      svg += "/>\n";
    else
      fmt::format_to(out, "><title>{}</title></path>\n", markup_escaped(line.hover));
  }

  void operator()(const Rectangle& r) const {
    fmt::format_to(std::back_inserter(svg),
                   "<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" "
                   "fill=\"{}\" shape-rendering=\"crispEdges\"/>\n",
                   r.corner.x, r.corner.y, r.width, r.height, hex(r.fill));
  }

  void operator()(const Text& text) const {
    constexpr std::string_view anchors[] = {"start", "middle", "end"};
    auto out = std::back_inserter(svg);
    if (text.upwards)
      fmt::format_to(out, "<text transform=\"translate({:.1f} {:.1f}) rotate(-90)\"", text.at.x,
                     text.at.y);
    else
      fmt::format_to(out, "<text x=\"{:.1f}\" y=\"{:.1f}\"", text.at.x, text.at.y);
    fmt::format_to(out, " font-size=\"{:g}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n", text.size,
                   anchors[static_cast<std::size_t>(text.anchor)], hex(text.colour),
                   markup_escaped(text.text));
  }
};

}  // namespace

std::string to_svg(const Drawing& drawing) {
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"DejaVu Sans, Arial, sans-serif\">\n"
      "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      drawing.width, drawing.height, markup_escaped(drawing.title));
  Writer writer{svg};
  for (const Shape& shape : drawing.shapes) std::visit(writer, shape);
  svg += "</svg>\n";
  return svg;
}

}  // namespace alisio::plot
