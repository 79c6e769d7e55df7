#pragma once
#include <cstdint>
#include <limits>

namespace alisio {

/// The parameters of one cleaned image: names, units and meaning are those of the DL1 table.
/// What could not be computed is NaN; n_pixels and n_islands are -1 if the first cleaning step left
/// nothing (the peers' convention).
struct ImageParameters {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  static constexpr float nan_f = std::numeric_limits<float>::quiet_NaN();

  double intensity = nan;            ///< p.e.
  double log_intensity = nan;        ///< log10(p.e.)
  double x = nan, y = nan, r = nan;  ///< centroid in the camera frame, m
  double phi = nan;                  ///< rad
  double length = nan, length_uncertainty = nan, width = nan, width_uncertainty = nan;  ///< deg
  double psi = nan;  ///< rad, in (-pi/2, pi/2]
  double skewness = nan, kurtosis = nan;
  double time_gradient = nan;  ///< ns/m along psi
  double intercept = nan;      ///< ns, at the centroid
  float leakage_intensity_width_1 = nan_f, leakage_intensity_width_2 = nan_f;
  double leakage_pixels_width_1 = nan, leakage_pixels_width_2 = nan;
  std::int64_t n_pixels = -1;
  double concentration_cog = nan, concentration_core = nan, concentration_pixel = nan;
  std::int64_t n_islands = -1;
  double wl = nan;  ///< width / length
};

}  // namespace alisio
