#pragma once
#include <filesystem>

#include "lib/sky/earth_orientation.hpp"

namespace alisio::text {

/// Read the Earth's orientation as the IERS publishes it: finals2000A (Bulletin A with predictions;
/// where it has the values of Bulletin B, these count) or a C04 series (eopc04.1962-now), the two
/// tables that astropy uses too.
/// @throws Error(missing_input); Error(bad_input) naming file and line.
[[nodiscard]] sky::EarthOrientationTable read_earth_orientation(const std::filesystem::path& file);

}  // namespace alisio::text
