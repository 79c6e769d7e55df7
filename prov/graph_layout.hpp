#pragma once
#include <vector>

namespace alisio::prov {

/// A box to be placed.
struct LayoutNode {
  double width = 0, height = 0;
  /// Where it stands among the bands, from left to right; -1: where its edges put it.
  int band = -1;
};

/// A line from one box to another, by their positions in the list.
struct LayoutEdge {
  int from = 0, to = 0;
};

struct LayoutOptions {
  double column_gap = 44, row_gap = 10;
};

struct Point {
  double x = 0, y = 0;
};

/// Where everything stands. The upper left corner of all is (0, 0), y grows downwards.
struct Layout {
  std::vector<Point> centres;  ///< of the nodes
  std::vector<int> columns;    ///< of the nodes
  /// A line each: its beginning, then three points for each Bezier curve.
  std::vector<std::vector<Point>> lines;
  std::vector<double> column_left, column_right;
  std::vector<int> column_band;  ///< -1: of none
  double width = 0, height = 0;
  bool cyclic = false;  ///< some lines lead back, to the left
};

/// Place boxes in columns so that lines lead from left to right, bands follow each other, lines
/// cross rarely and are nearly straight. Same input, same layout. Boxes of a column never overlap.
/// Method: Sugiyama, Tagawa, Toda, IEEE Trans. SMC-11 (1981) 109: layers by longest path,
/// barycentres against crossings; rows by least squares with the order kept.
[[nodiscard]] Layout lay_out(const std::vector<LayoutNode>& nodes,
                             const std::vector<LayoutEdge>& edges,
                             const LayoutOptions& options = {});

}  // namespace alisio::prov
