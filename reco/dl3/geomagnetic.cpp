#include "reco/dl3/geomagnetic.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace alisio::dl3 {
namespace {

constexpr double degree = std::numbers::pi / 180;

}  // namespace

MagneticField la_palma_field(double time_unix_s) {
  constexpr double reference = 1638144000;  // 2021-11-29 UTC
  constexpr double year = 365.25 * 86400;
  // As radians, so that angles agree with the peer's to the rounding of doubles.
  constexpr double declination = -0.0845489849543613, declination_a_year = 0.0028850292535466267;
  constexpr double inclination = 0.6521649642879572, inclination_a_year = -0.0012217304763960308;
  const double years = (time_unix_s - reference) / year;
  return {(declination + declination_a_year * years) / degree,
          (inclination + inclination_a_year * years) / degree};
}

double angle_to_field(const MagneticField& field, double zenith_deg, double azimuth_deg) {
  const double zenith = zenith_deg * degree, inclination = field.inclination_deg * degree;
  const double cosine = std::sin(inclination) * std::cos(zenith) -
                        std::cos(inclination) * std::sin(zenith) *
                            std::cos((azimuth_deg - field.declination_deg) * degree);
  return std::acos(std::clamp(cosine, -1.0, 1.0)) / degree;
}

}  // namespace alisio::dl3
