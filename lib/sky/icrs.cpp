#include "lib/sky/icrs.hpp"

#include <erfa.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "lib/base/error.hpp"

namespace alisio::sky {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double unix_epoch_jd = 2440587.5, jd_of_mjd = 2400000.5, day = 86400;
constexpr double degree = std::numbers::pi / 180, arcsecond = degree / 3600;

/// What depends on the moment only slowly: within some seconds of it all but the Earth's rotation
/// changes by less than a milliarcsecond.
class Astrometry {
 public:
  Astrometry(const Site& site, const EarthOrientationTable& table) : site_(site), table_(table) {}

  /// Make it that of a UTC unix time, s; false if ERFA refuses the time.
  bool move_to(double time) {
    const double slot = std::floor(time / slot_length);
    if (slot != slot_ && !prepare(slot)) return false;
    double ut1 = 0, ut2 = 0;
    if (eraUtcut1(unix_epoch_jd, time / day, ut1_minus_utc_, &ut1, &ut2) < 0) return false;
    eraAper13(ut1, ut2, &astrom_);
    return true;
  }
  [[nodiscard]] Equatorial to_icrs(AltAz direction) {
    double right = nan, up = nan, ra = nan, dec = nan;
    eraAtoiq("A", direction.azimuth, std::numbers::pi / 2 - direction.altitude, &astrom_, &right,
             &up);
    eraAticq(right, up, &astrom_, &ra, &dec);
    return {ra / degree, dec / degree};
  }

 private:
  static constexpr double slot_length = 20;  // s

  bool prepare(double slot) {
    const double time = (slot + 0.5) * slot_length;
    const EarthOrientation earth = orientation_at(table_, unix_epoch_jd - jd_of_mjd + time / day);
    ut1_minus_utc_ = earth.ut1_minus_utc;
    double origins = 0;
    // No pressure: no refraction.
    const int status =
        eraApco13(unix_epoch_jd, time / day, ut1_minus_utc_, site_.longitude_deg * degree,
                  site_.latitude_deg * degree, site_.height, earth.x * arcsecond,
                  earth.y * arcsecond, 0, 0, 0, 0.5, &astrom_, &origins);
    slot_ = status < 0 ? nan : slot;
    return status >= 0;
  }

  const Site& site_;
  const EarthOrientationTable& table_;
  eraASTROM astrom_{};
  double slot_ = nan, ut1_minus_utc_ = 0;
};

}  // namespace

std::vector<Equatorial> altaz_to_icrs(std::span<const AltAz> directions,
                                      std::span<const double> times_unix_s, const Site& site,
                                      const EarthOrientationTable& table) {
  if (directions.size() != times_unix_s.size())
    throw Error(ErrorKind::bug, "every direction needs its time");
  Astrometry astrometry(site, table);
  std::vector<Equatorial> out(directions.size(), {nan, nan});
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool known = std::isfinite(directions[i].altitude) &&
                       std::isfinite(directions[i].azimuth) && std::isfinite(times_unix_s[i]);
    if (known && astrometry.move_to(times_unix_s[i])) out[i] = astrometry.to_icrs(directions[i]);
  }
  return out;
}

Equatorial altaz_to_icrs(AltAz direction, double time_unix_s, const Site& site) {
  if (!std::isfinite(direction.altitude) || !std::isfinite(direction.azimuth) ||
      !std::isfinite(time_unix_s))
    return {nan, nan};
  const EarthOrientation earth =
      orientation_at(built_in_earth_orientation(), unix_epoch_jd - jd_of_mjd + time_unix_s / day);
  double ra = nan, dec = nan;
  // Observed place as azimuth and zenith distance; no pressure: no refraction.
  const int status = eraAtoc13("A", direction.azimuth, std::numbers::pi / 2 - direction.altitude,
                               unix_epoch_jd, time_unix_s / day, earth.ut1_minus_utc,
                               site.longitude_deg * degree, site.latitude_deg * degree, site.height,
                               earth.x * arcsecond, earth.y * arcsecond, 0, 0, 0, 0.5, &ra, &dec);
  if (status < 0) return {nan, nan};
  return {ra / degree, dec / degree};
}

Galactic icrs_to_galactic(Equatorial direction) {
  double longitude = nan, latitude = nan;
  eraIcrs2g(direction.ra_deg * degree, direction.dec_deg * degree, &longitude, &latitude);
  return {longitude / degree, latitude / degree};
}

double separation_deg(Equatorial a, Equatorial b) {
  return eraSeps(a.ra_deg * degree, a.dec_deg * degree, b.ra_deg * degree, b.dec_deg * degree) /
         degree;
}

}  // namespace alisio::sky
