#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace alisio::plot {

/// A place on the page, px; x to the right, y down.
struct Point {
  double x = 0, y = 0;
};

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
};
inline constexpr Colour ink{0x22, 0x22, 0x22}, pale_ink{0x77, 0x77, 0x77},
    grid_grey{0xe0, 0xe0, 0xe0}, white{0xff, 0xff, 0xff};

/// Many copies of one closed outline: the pixels of a camera.
struct Tiles {
  struct Tile {
    Point at;
    Colour fill;
    std::string hover;  ///< shown by browsers; may be empty
  };
  std::vector<Point> outline;  ///< around (0, 0)
  std::vector<Tile> tiles;
  bool filled = true;
  Colour stroke = white;
  double stroke_width = 0.4;
};

/// A line through points; places that are not finite interrupt it.
struct Line {
  std::vector<Point> points;
  Colour colour = ink;
  double width = 1;
  bool dashed = false;
  std::string hover = {};
};

struct Rectangle {
  Point corner;  ///< upper left
  double width = 0, height = 0;
  Colour fill;
};

/// A line of text on a white or coloured ground.
struct Text {
  enum class Anchor { start, middle, end };
  Point at;  ///< of the base line
  std::string text;
  double size = 12;  ///< px
  Anchor anchor = Anchor::start;
  Colour colour = ink;
  bool upwards = false;  ///< turned by 90 degrees, read from below
};

using Shape = std::variant<Tiles, Line, Rectangle, Text>;

/// A page of shapes, the later ones above the earlier, on white.
struct Drawing {
  std::string title;
  double width = 800, height = 800;  ///< px
  std::vector<Shape> shapes;
};

/// Return the drawing as an SVG document. The text depends on the drawing alone.
[[nodiscard]] std::string to_svg(const Drawing& drawing);
/// Write the drawing as PNG, each px of it `zoom` pixels wide.
/// @throws Error(resource) if it cannot be written.
void write_png(const Drawing& drawing, const std::filesystem::path& path, double zoom = 2);

}  // namespace alisio::plot
