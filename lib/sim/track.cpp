#include "lib/sim/track.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "lib/sim/portable_math.hpp"

namespace alisio::sim {
namespace {

constexpr double source_dec_deg = 22.0, wobble_deg = 0.4;
constexpr double degree = pi / 180;
constexpr double unix_j2000 = 946728000.0;

double days_since_j2000(double utc_s) {
  return (utc_s - unix_j2000) / 86400;
}

/// Return the mean sidereal time of a longitude, deg (Explanatory Supplement; UT1 taken as UTC).
double sidereal_deg(double utc_s, double longitude_deg) {
  return std::fmod(280.46061837 + 360.98564736629 * days_since_j2000(utc_s) + longitude_deg, 360.0);
}

}  // namespace

Track::Track(const instrument::Telescope& telescope, std::int64_t reference_utc_s)
    : longitude_deg_(telescope.longitude_deg),
      latitude_deg_(telescope.latitude_deg),
      focal_length_(telescope.optics.effective_focal_length) {
  constexpr double hour_angle_deg = -1.6 * 15;
  double ra = sidereal_deg(static_cast<double>(reference_utc_s), longitude_deg_) - hour_angle_deg;
  ra = std::fmod(ra + 720, 360.0);
  ra_deg_ = std::floor(ra * 1e4 + 0.5) * 1e-4;
}

double Track::pointing_dec_deg() const {
  return source_dec_deg + wobble_deg;
}

sky::AltAz Track::direction(double dec_deg, double utc_s) const {
  // Precession since J2000, deg a year: m and n of the IAU 1976 theory.
  const double years = days_since_j2000(utc_s) / 365.25;
  const double ra0 = ra_deg_ * degree, dec0 = dec_deg * degree;
  const double ra = ra_deg_ + years / 240 * (3.07496 + 1.33621 * std::sin(ra0) * std::tan(dec0));
  const double dec = (dec_deg + years / 240 * 1.33621 * std::cos(ra0)) * degree;
  const double hour = (sidereal_deg(utc_s, longitude_deg_) - ra) * degree;
  const double latitude = latitude_deg_ * degree;
  const double up =
      std::sin(dec) * std::sin(latitude) + std::cos(dec) * std::cos(latitude) * std::cos(hour);
  const double north =
      std::sin(dec) * std::cos(latitude) - std::cos(dec) * std::sin(latitude) * std::cos(hour);
  const double east = -std::cos(dec) * std::sin(hour);
  double azimuth = std::atan2(east, north);
  if (azimuth < 0) azimuth += 2 * pi;
  return {std::asin(up), azimuth};
}

sky::AltAz Track::pointing(double utc_s) const {
  return direction(pointing_dec_deg(), utc_s);
}

sky::CameraPoint Track::source(double utc_s) const {
  const sky::CameraPoint place =
      sky::altaz_to_camera(direction(source_dec_deg, utc_s), focal_length_, pointing(utc_s));
  // Rounded, so that last digits of the C library's functions do not reach the events.
  const auto rounded = [](double value) { return std::floor(value * 1e7 + 0.5) * 1e-7; };
  return {rounded(place.x), rounded(place.y)};
}

std::string drive_position_log(const Track& track, std::int64_t from_s, std::int64_t to_s) {
  std::string text;
  for (std::int64_t t = from_s; t <= to_s; ++t) {
    const sky::AltAz at = track.pointing(static_cast<double>(t));
    fmt::format_to(std::back_inserter(text), "{} {:.6f} {:.6f}\n", t, at.azimuth / degree,
                   90 - at.altitude / degree);
  }
  return text;
}

std::string bending_log(std::int64_t from_s, std::int64_t to_s) {
  std::string text;
  for (std::int64_t t = from_s; t <= to_s; ++t)
    fmt::format_to(std::back_inserter(text), "{} 0.000000 0.000000\n", t);
  return text;
}

std::string target_log(const Track& track, std::int64_t from_s, std::int64_t to_s) {
  return fmt::format("{} TrackStart {:.6f} {:.6f} {}\n{} TrackEnd\n", from_s,
                     track.pointing_ra_deg(), track.pointing_dec_deg(), source_name, to_s);
}

}  // namespace alisio::sim
