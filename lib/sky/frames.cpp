#include "lib/sky/frames.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alisio::sky {
namespace {

struct Vector {
  double x, y, z;
};

Vector unit_vector(double latitude, double longitude) {
  return {std::cos(latitude) * std::cos(longitude), std::cos(latitude) * std::sin(longitude),
          std::sin(latitude)};
}

}  // namespace

AltAz camera_to_altaz(CameraPoint point, double focal_length, AltAz pointing) {
  constexpr double half_pi = std::numbers::pi / 2, two_pi = 2 * std::numbers::pi;
  const double altitude = std::clamp(pointing.altitude, -half_pi, half_pi);
  const Vector v = unit_vector(point.x / focal_length, point.y / focal_length);
  const double c = std::cos(altitude), s = std::sin(altitude);
  const double vx = v.x * c - v.z * s;
  const double vz = v.x * s + v.z * c;
  double azimuth = std::fmod(pointing.azimuth + std::atan2(v.y, vx), two_pi);
  if (azimuth < 0) azimuth += two_pi;
  return {std::asin(std::clamp(vz, -1.0, 1.0)), azimuth};
}

CameraPoint altaz_to_camera(AltAz direction, double focal_length, AltAz pointing) {
  constexpr double half_pi = std::numbers::pi / 2;
  const double altitude = std::clamp(pointing.altitude, -half_pi, half_pi);
  const Vector v = unit_vector(direction.altitude, direction.azimuth - pointing.azimuth);
  const double c = std::cos(altitude), s = std::sin(altitude);
  const double vx = v.x * c + v.z * s;
  const double vz = -v.x * s + v.z * c;
  return {focal_length * std::asin(std::clamp(vz, -1.0, 1.0)), focal_length * std::atan2(v.y, vx)};
}

}  // namespace alisio::sky
