#pragma once
#include "lib/sky/frames.hpp"

namespace alisio::sky {

/// A place on Earth.
struct Site {
  double longitude_deg = 0;  ///< east positive
  double latitude_deg = 0;   ///< geodetic
  double height = 0;         ///< above the ellipsoid, m
};

/// A direction in the International Celestial Reference System, deg.
struct Equatorial {
  double ra_deg = 0, dec_deg = 0;
};

/// Return where in the sky a telescope points: without refraction, as astropy's AltAz frame with no
/// pressure. The Earth's orientation comes from a table (IERS, steps of 30 days), which holds from
/// 2018 to 2026 and is taken to stay as it was before and after: right to 0.1 arcsec in those
/// years. NaN for directions or times that are not finite.
/// @param time_unix_s UTC
[[nodiscard]] Equatorial altaz_to_icrs(AltAz direction, double time_unix_s, const Site& site);

}  // namespace alisio::sky
