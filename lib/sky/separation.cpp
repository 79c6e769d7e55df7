#include "lib/sky/separation.hpp"

#include <cmath>

namespace alisio::sky {

double angular_separation(AltAz a, AltAz b) {
  const double sin_azimuth = std::sin(b.azimuth - a.azimuth);
  const double cos_azimuth = std::cos(b.azimuth - a.azimuth);
  const double sin_a = std::sin(a.altitude), cos_a = std::cos(a.altitude);
  const double sin_b = std::sin(b.altitude), cos_b = std::cos(b.altitude);
  const double across = cos_b * sin_azimuth;
  const double up = cos_a * sin_b - sin_a * cos_b * cos_azimuth;
  return std::atan2(std::hypot(across, up), sin_a * sin_b + cos_a * cos_b * cos_azimuth);
}

}  // namespace alisio::sky
