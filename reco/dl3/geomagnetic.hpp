#pragma once

namespace alisio::dl3 {

/// The Earth's magnetic field at the telescope: direction only.
struct MagneticField {
  double declination_deg = 0;  ///< of its horizontal part, from north to east
  double inclination_deg = 0;  ///< below the horizontal
};

/// Return the field over La Palma at a UTC unix time, s: the IGRF's value of 2021-11-29 and its
/// yearly change, as lstchain 0.12 has them. (lstchain asks for the time of execution, so that its
/// angle of an observation changes with the day of its analysis.)
[[nodiscard]] MagneticField la_palma_field(double time_unix_s);

/// Return the angle between the field and a shower's axis, deg. @param zenith_deg, azimuth_deg of
/// the pointing.
[[nodiscard]] double angle_to_field(const MagneticField& field, double zenith_deg,
                                    double azimuth_deg);

}  // namespace alisio::dl3
