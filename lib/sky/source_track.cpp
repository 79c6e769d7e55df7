#include "lib/sky/source_track.hpp"

#include <erfa.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "lib/sky/earth_orientation.hpp"

namespace alisio::sky {
namespace {

constexpr double degree = std::numbers::pi / 180;
constexpr double arcsecond = degree / 3600;
constexpr double unix_epoch_jd = 2440587.5, jd_of_mjd = 2400000.5, day = 86400;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Everything between the sky and the horizon at a UTC unix time, no pressure: no refraction.
/// @return UT1 - UTC, s; NaN if ERFA refuses the time.
double prepare(double time_unix_s, const Site& site, eraASTROM& astrometry) {
  const EarthOrientation earth =
      orientation_at(built_in_earth_orientation(), unix_epoch_jd - jd_of_mjd + time_unix_s / day);
  double equation_of_origins = 0;
  const int status =
      eraApco13(unix_epoch_jd, time_unix_s / day, earth.ut1_minus_utc, site.longitude_deg * degree,
                site.latitude_deg * degree, site.height, earth.x * arcsecond, earth.y * arcsecond,
                0, 0, 0, 0.5, &astrometry, &equation_of_origins);
  return status < 0 ? nan : earth.ut1_minus_utc;
}

void unit_vector(Equatorial direction, double (&v)[3]) {
  eraS2c(direction.ra_deg * degree, direction.dec_deg * degree, v);
}

}  // namespace

std::vector<AltAz> icrs_to_altaz(Equatorial direction, std::span<const double> times_unix_s,
                                 const Site& site) {
  constexpr double slot_length = 20;  // s
  std::vector<AltAz> places(times_unix_s.size(), AltAz{nan, nan});
  if (!std::isfinite(direction.ra_deg) || !std::isfinite(direction.dec_deg)) return places;
  eraASTROM astrometry{};
  double slot = nan, ut1_minus_utc = nan, ra_cirs = nan, dec_cirs = nan;
  for (std::size_t i = 0; i < times_unix_s.size(); ++i) {
    const double time = times_unix_s[i];
    if (!std::isfinite(time)) continue;
    // A grid of times, so that the place at one time does not depend on the others.
    if (const double here = std::floor(time / slot_length); here != slot) {
      slot = here;
      ut1_minus_utc = prepare((here + 0.5) * slot_length, site, astrometry);
      eraAtciqz(direction.ra_deg * degree, direction.dec_deg * degree, &astrometry, &ra_cirs,
                &dec_cirs);
    }
    double ut1 = nan, ut1_rest = nan;
    if (std::isnan(ut1_minus_utc) ||
        eraUtcut1(unix_epoch_jd, time / day, ut1_minus_utc, &ut1, &ut1_rest) < 0)
      continue;
    eraAper13(ut1, ut1_rest, &astrometry);
    double azimuth = nan, zenith = nan, hour_angle = nan, dec = nan, ra = nan;
    eraAtioq(ra_cirs, dec_cirs, &astrometry, &azimuth, &zenith, &hour_angle, &dec, &ra);
    places[i] = {std::numbers::pi / 2 - zenith, azimuth};
  }
  return places;
}

Equatorial mean_direction(std::span<const Equatorial> directions) {
  double sum[3] = {0, 0, 0};
  for (const Equatorial& direction : directions) {
    if (!std::isfinite(direction.ra_deg) || !std::isfinite(direction.dec_deg)) continue;
    double v[3];
    unit_vector(direction, v);
    for (int k = 0; k < 3; ++k) sum[k] += v[k];
  }
  if (sum[0] == 0 && sum[1] == 0 && sum[2] == 0) return {nan, nan};
  double ra = 0, dec = 0;
  eraC2s(sum, &ra, &dec);
  return {eraAnp(ra) / degree, dec / degree};
}

}  // namespace alisio::sky
