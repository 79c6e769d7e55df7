#pragma once
#include <string>
#include <vector>

#include "lib/plot/drawing.hpp"

namespace alisio::plot {

/// Contents of bins with their errors; a value that is not finite is not drawn.
struct HistogramSeries {
  std::string name;
  std::vector<double> values, errors;  ///< [bin]
  bool points = false;                 ///< points with error bars, else steps with a tinted ground
};

/// Histograms over the same bins.
struct HistogramPlot {
  std::string title;
  std::string x_label, y_label;    ///< with their units
  std::vector<double> edges = {};  ///< [bin + 1], ascending
  std::vector<HistogramSeries> series = {};
  double mark = 0;                      ///< a dashed line across at this x; 0: none
  std::vector<std::string> notes = {};  ///< lines beside the plot
  double width = 800, height = 420;     ///< px
};

/// Draw histograms with axes, grid, legend and notes; counts start at 0. @param corner upper left.
void draw_histograms(Drawing& drawing, Point corner, const HistogramPlot& plot);

}  // namespace alisio::plot
