#include "reco/muon/ring_camera.hpp"

#include <cmath>
#include <numbers>

namespace alisio::muon {

RingCamera::RingCamera(const instrument::Telescope& telescope, double hole)
    : geometry(&telescope.geometry), hole_radius(hole) {
  const instrument::CameraGeometry& camera = telescope.geometry;
  const instrument::Optics& optics = telescope.optics;
  const double focal_length = optics.effective_focal_length;
  constexpr double deg = 180 / std::numbers::pi;
  const std::size_t n = camera.n_pixels;
  for (std::size_t p = 0; p < n; ++p) {
    lon_rad.push_back(camera.y[p] / focal_length);
    lat_rad.push_back(camera.x[p] / focal_length);
    lon_deg.push_back(lon_rad[p] * deg);
    lat_deg.push_back(lat_rad[p] * deg);
  }
  pixel_width_rad = camera.pixel_width / focal_length;
  mirror_radius = std::sqrt(optics.mirror_area / std::numbers::pi);
  start_width_rad =
      3 * std::sqrt(camera.area[0] / std::numbers::pi) / optics.equivalent_focal_length;

  double mean_lon = 0, mean_lat = 0;
  for (std::size_t p = 0; p < n; ++p) {
    mean_lon += lon_deg[p] / double(n);
    mean_lat += lat_deg[p] / double(n);
  }
  double sum = 0, borders = 0;
  for (std::size_t p = 0; p < n; ++p) {
    if (camera.border_width_1[p] == 0) continue;
    sum += std::hypot(lon_deg[p] - mean_lon, lat_deg[p] - mean_lat);
    borders += 1;
  }
  radius_deg = sum / borders;
}

}  // namespace alisio::muon
