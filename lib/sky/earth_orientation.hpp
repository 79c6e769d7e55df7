#pragma once
#include <vector>

namespace alisio::sky {

/// How the Earth is turned: what links UTC and a place on the ground to the celestial frame.
struct EarthOrientation {
  double ut1_minus_utc = 0;  ///< s
  double x = 0, y = 0;       ///< of the pole, arcsec
};

/// Orientations at moments in ascending order.
struct EarthOrientationTable {
  std::vector<double> mjd;  ///< UTC
  std::vector<EarthOrientation> orientation;
};

/// Return the table that the program holds: IERS finals2000A in steps of 30 days, from 2018 to
/// 2026. Between its rows too, UT1 is right to 8 ms (0.12 arcsec on the sky) and the pole to 0.02
/// arcsec until September 2026. Later rows are predictions: they put directions wrong by up to 1
/// arcsec at the end of 2026.
[[nodiscard]] const EarthOrientationTable& built_in_earth_orientation();

/// Interpolate linearly, across leap seconds too; before and after the table its first and last
/// orientation hold, as in astropy's IERS tables.
/// @param mjd UTC @throws Error(bug) for an empty table.
[[nodiscard]] EarthOrientation orientation_at(const EarthOrientationTable& table, double mjd);

}  // namespace alisio::sky
