#pragma once
#include <span>
#include <vector>

#include "lib/sky/earth_orientation.hpp"
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

/// A direction in galactic coordinates (IAU 1958), deg.
struct Galactic {
  double longitude_deg = 0, latitude_deg = 0;
};

/// Return where in the sky directions point: without refraction, as astropy's AltAz frame with no
/// pressure, and to a milliarcsecond what it gives with the same table of the Earth's orientation.
/// NaN for directions or times that are not finite.
/// @param times_unix_s UTC, one a direction; fastest if neighbours in time are neighbours here
/// @throws Error(bug) if there are not as many times as directions.
[[nodiscard]] std::vector<Equatorial> altaz_to_icrs(std::span<const AltAz> directions,
                                                    std::span<const double> times_unix_s,
                                                    const Site& site,
                                                    const EarthOrientationTable& table);

/// The same of one direction with the program's own table, built_in_earth_orientation(), and as
/// right as that is.
[[nodiscard]] Equatorial altaz_to_icrs(AltAz direction, double time_unix_s, const Site& site);

/// Return the galactic coordinates of a direction; NaN for NaN.
[[nodiscard]] Galactic icrs_to_galactic(Equatorial direction);

/// Return the angle between two directions, deg.
[[nodiscard]] double separation_deg(Equatorial a, Equatorial b);

}  // namespace alisio::sky
