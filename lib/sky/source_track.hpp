#pragma once
#include <span>
#include <vector>

#include "lib/sky/frames.hpp"
#include "lib/sky/icrs.hpp"

namespace alisio::sky {

/// Return where a fixed direction of the sky stands at each of many times: altaz_to_icrs()
/// inverted. What changes slowly (nutation, aberration) is computed anew every 20 s: right to a
/// milliarcsecond. The times may be in any order; NaN for those that are not finite.
/// @param times_unix_s UTC
[[nodiscard]] std::vector<AltAz> icrs_to_altaz(Equatorial direction,
                                               std::span<const double> times_unix_s,
                                               const Site& site);

/// Return the mean of directions (of their unit vectors); those that are not finite are left out.
/// NaN if none is left.
[[nodiscard]] Equatorial mean_direction(std::span<const Equatorial> directions);

}  // namespace alisio::sky
