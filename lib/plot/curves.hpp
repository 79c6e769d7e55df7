#pragma once
#include <string>
#include <vector>

#include "lib/plot/drawing.hpp"

namespace alisio::plot {

/// One line over samples 0, 1, 2, …
struct SampledCurve {
  std::string name;  ///< in the legend, and shown by browsers
  std::vector<double> values;
};

/// Lines over a common axis of samples: waveforms.
struct CurvePlot {
  std::string title;
  std::string x_label, y_label;  ///< with their units
  std::vector<SampledCurve> curves;
  double width = 800, height = 320;  ///< px
};

/// Draw curves with axes, grid and legend; each curve has a colour of its own up to eight, then
/// they repeat. A value without neighbours is a dash. @param corner upper left of the place.
void draw_curves(Drawing& drawing, Point corner, const CurvePlot& plot);

}  // namespace alisio::plot
