#include "reco/dl3/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

constexpr double pi = std::numbers::pi;
constexpr double deg = pi / 180;
constexpr double m2_per_cm2 = 1e-4;

/// Integral of E^index from low to high.
double power_integral(double index, double low, double high) {
  if (index == -1) return std::log(high / low);
  return (std::pow(high, index + 1) - std::pow(low, index + 1)) / (index + 1);
}

}  // namespace

Cone cone_of(const Simulation& simulation) {
  constexpr double narrow_deg = 0.1;
  if (simulation.viewcone_max == 0) return Cone::point;
  if (simulation.viewcone_min == 0) return Cone::diffuse;
  if (simulation.viewcone_max - simulation.viewcone_min < narrow_deg) return Cone::ring;
  throw Error(ErrorKind::bad_input,
              fmt::format("the showers come from a ring of {} to {} deg around the pointing",
                          simulation.viewcone_min, simulation.viewcone_max),
              "", "give point-like gammas, gammas of one offset, or diffuse ones");
}

double cone_solid_angle(double opening_deg) {
  return 2 * pi * (1 - std::cos(opening_deg * deg));
}

std::vector<double> simulated_showers(const Simulation& simulation, const Edges& true_energy) {
  const double all =
      power_integral(simulation.spectral_index, simulation.energy_min, simulation.energy_max);
  std::vector<double> showers;
  for (std::size_t bin = 0; bin < bin_count(true_energy); ++bin) {
    const double low = std::max(true_energy[bin], simulation.energy_min);
    const double high = std::min(true_energy[bin + 1], simulation.energy_max);
    showers.push_back(low < high ? simulation.n_showers *
                                       (power_integral(simulation.spectral_index, low, high) / all)
                                 : 0);
  }
  return showers;
}

std::vector<double> simulated_showers(const Simulation& simulation, const Edges& true_energy,
                                      const Edges& offset) {
  const std::vector<double> of_energy = simulated_showers(simulation, true_energy);
  const double all =
      std::cos(simulation.viewcone_min * deg) - std::cos(simulation.viewcone_max * deg);
  std::vector<double> showers;
  for (std::size_t bin = 0; bin < bin_count(offset); ++bin) {
    const double low = std::max(offset[bin], simulation.viewcone_min);
    const double high = std::min(offset[bin + 1], simulation.viewcone_max);
    const double part = low < high ? (std::cos(low * deg) - std::cos(high * deg)) / all : 0;
    for (const double n : of_energy) showers.push_back(n * part);
  }
  return showers;
}

double proton_spectrum(double energy_tev) {
  return 9.8e-6 / m2_per_cm2 * std::pow(energy_tev, -2.62);
}

double electron_spectrum(double energy_tev) {
  const double distance = (std::log10(energy_tev) + 0.101) / 0.741;
  const double bump = std::exp(-0.5 * distance * distance);
  return 2.385e-9 / m2_per_cm2 * std::pow(energy_tev, -3.43) * (1 + 1.950 * (std::exp(bump) - 1));
}

double simulated_flux(const Simulation& simulation, double energy_tev) {
  if (!(simulation.viewcone_max > simulation.viewcone_min))
    throw Error(ErrorKind::bad_input, "background comes from everywhere, these showers do not", "",
                "give diffuse protons and electrons");
  const double area = pi * simulation.max_impact * simulation.max_impact;
  const double solid_angle =
      cone_solid_angle(simulation.viewcone_max) - cone_solid_angle(simulation.viewcone_min);
  return simulation.n_showers /
         (area * solid_angle *
          power_integral(simulation.spectral_index, simulation.energy_min, simulation.energy_max)) *
         std::pow(energy_tev, simulation.spectral_index);
}

}  // namespace alisio::dl3
