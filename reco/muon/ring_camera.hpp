#pragma once
#include <cstddef>
#include <vector>

#include "lib/instrument/telescope.hpp"

namespace alisio::muon {

/// A telescope as the ring analysis sees it: pixels in the telescope frame (angles from the
/// pointing), made once from the effective focal length, and the mirror. Longitude is the camera's
/// y, latitude its x.
struct RingCamera {
  /// Radius of the hole in LST's mirror (ctapipe's MuonIntensityFitter), m.
  static constexpr double lst_hole_radius = 0.308;

  explicit RingCamera(const instrument::Telescope& telescope, double hole_radius = lst_hole_radius);

  const instrument::CameraGeometry* geometry;  ///< must outlive this
  std::vector<double> lon_deg, lat_deg;        ///< [pixel]
  std::vector<double> lon_rad, lat_rad;        ///< [pixel]
  double pixel_width_rad = 0;                  ///< flat to flat
  /// Mean distance of the border pixels from the mean pixel (ctapipe's guess_radius), deg.
  double radius_deg = 0;
  double mirror_radius = 0;  ///< of the circle with the mirror's area, m
  double hole_radius = 0;    ///< of the hole in the mirror's middle, m
  /// Where the fit of the ring's width starts: three times the radius of a circle with a pixel's
  /// area, seen at the equivalent focal length (ctapipe), rad.
  double start_width_rad = 0;

  [[nodiscard]] std::size_t n_pixels() const { return lon_deg.size(); }
};

}  // namespace alisio::muon
