#include "reco/dl3/simulation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

Simulation diffuse() {
  return {.n_showers = 1000,
          .energy_min = 0.1,
          .energy_max = 10,
          .spectral_index = -2,
          .max_impact = 100,
          .viewcone_min = 0,
          .viewcone_max = 2};
}

TEST(Simulation, TellsTheCone) {
  Simulation s = diffuse();
  EXPECT_EQ(cone_of(s), Cone::diffuse);
  s.viewcone_min = s.viewcone_max = 0.4;
  EXPECT_EQ(cone_of(s), Cone::ring);
  s.viewcone_min = s.viewcone_max = 0;
  EXPECT_EQ(cone_of(s), Cone::point);
  s.viewcone_min = 1;
  s.viewcone_max = 2;
  EXPECT_THROW((void)cone_of(s), Error);
}

// E^-2 between 0.1 and 10 TeV: the integral is 1/E_low - 1/E_high, 9.9 in all.
TEST(Simulation, SharesShowersByThePowerLaw) {
  const std::vector<double> showers = simulated_showers(diffuse(), {0.01, 0.05, 1, 2, 20, 40});
  ASSERT_EQ(showers.size(), 5U);
  EXPECT_EQ(showers[0], 0);
  EXPECT_NEAR(showers[1], 1000 * 9 / 9.9, 1e-10);
  EXPECT_NEAR(showers[2], 1000 * 0.5 / 9.9, 1e-10);
  EXPECT_NEAR(showers[3], 1000 * 0.4 / 9.9, 1e-10);
  EXPECT_EQ(showers[4], 0);
  Simulation flat = diffuse();
  flat.spectral_index = -1;
  EXPECT_NEAR(simulated_showers(flat, {0.1, 1, 10})[0], 500, 1e-10);
}

TEST(Simulation, SharesShowersBySolidAngle) {
  const Edges energy{0.1, 1, 10}, offset{0, 1, 2, 3};
  const std::vector<double> showers = simulated_showers(diffuse(), energy, offset);
  ASSERT_EQ(showers.size(), 6U);
  EXPECT_NEAR(std::accumulate(showers.begin(), showers.end(), 0.0), 1000, 1e-9);
  const double inner = cone_solid_angle(1) / cone_solid_angle(2);
  EXPECT_NEAR(showers[0] + showers[1], 1000 * inner, 1e-9);
  EXPECT_EQ(showers[4], 0);  // beyond the view cone
}

TEST(Simulation, FluxOfTheSimulationGivesItsShowersBack) {
  // Integrated over energy, area, solid angle and one second: number of showers.
  const Simulation s = diffuse();
  const double at_1_tev = simulated_flux(s, 1);
  const double area = std::numbers::pi * 1e4;
  EXPECT_NEAR(at_1_tev * 9.9 * area * cone_solid_angle(2), 1000, 1e-9);
  EXPECT_NEAR(simulated_flux(s, 2), at_1_tev / 4, at_1_tev * 1e-14);
  Simulation point = s;
  point.viewcone_max = 0;
  EXPECT_THROW((void)simulated_flux(point, 1), Error);
}

TEST(Simulation, SpectraOfProtonsAndElectrons) {
  EXPECT_NEAR(proton_spectrum(1), 9.8e-2, 1e-15);
  EXPECT_NEAR(proton_spectrum(10), 9.8e-2 * std::pow(10, -2.62), 1e-17);
  // At 10^-0.101 TeV the bump is at its top: 1 + 1.95 (e - 1).
  const double energy = std::pow(10, -0.101);
  EXPECT_NEAR(electron_spectrum(energy),
              2.385e-5 * std::pow(energy, -3.43) * (1 + 1.95 * (std::numbers::e - 1)), 1e-17);
}

}  // namespace
}  // namespace alisio::dl3
