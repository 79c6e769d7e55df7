#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "lib/instrument/camera.hpp"
#include "lib/plot/drawing.hpp"

namespace alisio::plot {

/// How a camera image is drawn.
struct CameraDisplay {
  std::string title;     ///< above the camera
  std::string quantity;  ///< beside the colour scale: "charge"
  std::string unit;      ///< "p.e."; may be empty
  double minimum =
      std::numeric_limits<double>::quiet_NaN();  ///< of the scale; NaN: from the values
  double maximum =
      std::numeric_limits<double>::quiet_NaN();  ///< of the scale; NaN: from the values
  int width = 800;                               ///< px; the height follows
};

/// Draw one value per pixel: hexagons coloured by value, a colour scale with its unit, axes in
/// metres, and per pixel a hover text with number and value. NaN pixels are grey.
///
/// The camera is seen as in EngineeringCameraFrame, the frame the observatory draws in:
/// x' = -y, y' = -x of the camera frame; x' to the right, y' up.
/// @param corner upper left of the place; the width is display.width.
/// @param values [pixel].
/// @param mask   [pixel], or empty: pixels with 1 get an outline.
/// @return the height that it takes, px. Throws Error(bug) if a span's size does not fit the
/// geometry.
double draw_camera(Drawing& drawing, Point corner, const instrument::CameraGeometry& geometry,
                   std::span<const double> values, const CameraDisplay& display,
                   std::span<const std::uint8_t> mask = {});

/// The same as an SVG document of its own. The text depends on the arguments alone.
[[nodiscard]] std::string camera_svg(const instrument::CameraGeometry& geometry,
                                     std::span<const double> values, const CameraDisplay& display,
                                     std::span<const std::uint8_t> mask = {});

}  // namespace alisio::plot
