#pragma once
#include <string>
#include <vector>

#include "prov/graph_layout.hpp"

namespace alisio::prov {

/// A drawing as shapes, lines and texts, which each format writes in its way. Colours are
/// "#rrggbb".
struct Picture {
  struct Shape {
    enum class Form { box, rounded, house };
    Form form = Form::box;
    double left = 0, top = 0, width = 0, height = 0;
    std::string fill, outline;  ///< no outline if empty
    double thickness = 1;
    bool dashed = false, hatched = false;
    std::string label;              ///< in the middle
    std::string tooltip, link, id;  ///< each may be empty; `id`: of the document
  };
  struct Line {
    std::vector<Point> points;  ///< the beginning, then three for each Bezier curve
    std::string colour;
    bool dotted = false, arrow = true;
    std::string tooltip;
  };
  struct Text {
    double x = 0, y = 0;  ///< left end of the base line
    double size = 12;
    std::string text, colour = "#222222";
    bool bold = false;
  };

  double width = 0, height = 0;
  double most_width = 2000;    ///< shown smaller if it is wider
  std::string title, summary;  ///< in words, for those who cannot see it
  std::vector<Shape> backgrounds;
  std::vector<Line> lines;
  std::vector<Shape> shapes;
  std::vector<Text> texts;
};

constexpr double kLabelSize = 12;

[[nodiscard]] std::string svg_of(const Picture& picture);

/// One page as large as the picture. Letters that Latin-1 lacks appear as question marks.
[[nodiscard]] std::string pdf_of(const Picture& picture);

}  // namespace alisio::prov
