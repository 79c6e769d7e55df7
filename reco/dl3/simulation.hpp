#pragma once
#include <cstddef>
#include <vector>

#include "reco/dl3/binning.hpp"

namespace alisio::dl3 {

/// What was simulated, of which the Monte Carlo DL2 file holds what was seen.
struct Simulation {
  double n_showers = 0;                       ///< with every reuse of a shower
  double energy_min = 0, energy_max = 0;      ///< TeV
  double spectral_index = 0;                  ///< of the power law in energy, negative
  double max_impact = 0;                      ///< radius of the area that cores fall on, m
  double viewcone_min = 0, viewcone_max = 0;  ///< distance of directions from the pointing, deg
  double altitude = 0, azimuth = 0;           ///< least of the pointing, rad
  double field_total = 0;                     ///< of the geomagnetic field, uT
  double field_declination = 0;               ///< east of geographic north, rad
  double field_inclination = 0;               ///< below the horizon, rad
};

/// From where the showers come.
enum class Cone {
  point,   ///< one direction, that of the pointing
  ring,    ///< one distance from the pointing
  diffuse  ///< all distances up to the greatest
};

/// Tell the cone by its limits. @throws Error(bad_input) for a wide ring, of which no response can
/// be made.
[[nodiscard]] Cone cone_of(const Simulation& simulation);

/// Return the solid angle of a cone, sr.
[[nodiscard]] double cone_solid_angle(double opening_deg);

/// Return the expected number of simulated showers in bins of true energy (TeV), [energy].
/// Energies outside the simulated range have none.
[[nodiscard]] std::vector<double> simulated_showers(const Simulation& simulation,
                                                    const Edges& true_energy);

/// The same of a diffuse simulation in bins of the distance from the pointing too (deg):
/// [offset][energy], uniform in solid angle as CORSIKA draws directions.
[[nodiscard]] std::vector<double> simulated_showers(const Simulation& simulation,
                                                    const Edges& true_energy, const Edges& offset);

/// A spectrum: particles per TeV, m^2, s and sr at an energy in TeV.
using Spectrum = double (*)(double energy_tev);

/// Protons and electrons as in "Description of CTA Instrument Response Functions (Production 3b)",
/// section 4.3.1, which pyirf's IRFDOC spectra follow.
[[nodiscard]] double proton_spectrum(double energy_tev);
[[nodiscard]] double electron_spectrum(double energy_tev);

/// Return the flux that the simulation amounts to in one second, as proton_spectrum().
/// @throws Error(bad_input) if it is not diffuse.
[[nodiscard]] double simulated_flux(const Simulation& simulation, double energy_tev);

}  // namespace alisio::dl3
