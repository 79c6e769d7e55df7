#pragma once
#include "lib/sky/frames.hpp"

namespace alisio::sky {

/// Return the angle between two directions, rad: Vincenty's formula, exact for small and large
/// angles, as astropy's angular_separation.
[[nodiscard]] double angular_separation(AltAz a, AltAz b);

}  // namespace alisio::sky
