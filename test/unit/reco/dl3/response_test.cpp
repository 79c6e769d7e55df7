#include "reco/dl3/response.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace alisio::dl3 {
namespace {

/// Two bins of energy, migration and source offset; one of offset unless told otherwise.
GammaBins bins(Edges offset) {
  return {.true_energy = {1, 10, 100},
          .migration = {0.5, 1, 2},
          .offset = std::move(offset),
          .source_offset = {0, 0.1, 0.3}};
}

Simulation ring() {
  return {.n_showers = 200,
          .energy_min = 1,
          .energy_max = 100,
          .spectral_index = -2,
          .max_impact = 10,
          .viewcone_min = 0.4,
          .viewcone_max = 0.4};
}

TEST(Response, AreaIsTheKeptFractionOfTheSimulatedArea) {
  GammaCounts counts(bins({0.3, 0.5}));
  counts.add({.true_energy = 2, .reco_energy = 2, .offset = 0.4, .theta = 0});
  counts.add({.true_energy = 3, .reco_energy = 2, .offset = 0.9, .theta = 0});  // offset: all count
  counts.add({.true_energy = 0.5, .reco_energy = 2, .offset = 0.4, .theta = 0});  // not simulated
  const std::vector<double> area = effective_area(counts, ring());
  ASSERT_EQ(area.size(), 2U);
  // Of E^-2 from 1 to 100, 0.9 / 0.99 lies below 10.
  EXPECT_NEAR(area[0], 2 / (200 * 0.9 / 0.99) * std::numbers::pi * 100, 1e-12);
  EXPECT_EQ(area[1], 0);
}

TEST(Response, AreaOfDiffuseGammasIsTakenRingByRing) {
  Simulation diffuse = ring();
  diffuse.viewcone_min = 0;
  diffuse.viewcone_max = 2;
  GammaCounts counts(bins({0, 1, 3}));
  counts.add({.true_energy = 2, .reco_energy = 2, .offset = 0.5, .theta = 0});
  counts.add({.true_energy = 20, .reco_energy = 20, .offset = 3, .theta = 0});  // the last edge
  counts.add({.true_energy = 20, .reco_energy = 20, .offset = 3.5, .theta = 0});
  const std::vector<double> area = effective_area(counts, diffuse);
  ASSERT_EQ(area.size(), 4U);
  const double inner = cone_solid_angle(1) / cone_solid_angle(2);
  EXPECT_NEAR(area[0], 1 / (200 * 0.9 / 0.99 * inner) * std::numbers::pi * 100, 1e-9);
  EXPECT_EQ(area[1], 0);
  EXPECT_EQ(area[2], 0);
  EXPECT_NEAR(area[3], 1 / (200 * 0.09 / 0.99 * (1 - inner)) * std::numbers::pi * 100, 1e-9);
}

TEST(Response, NothingSimulatedHasNoArea) {
  Simulation narrow = ring();
  narrow.energy_max = 10;
  GammaCounts counts(bins({0.3, 0.5}));
  counts.add({.true_energy = 20, .reco_energy = 20, .offset = 0.4, .theta = 0});
  EXPECT_EQ(effective_area(counts, narrow)[1], 0);
}

TEST(Response, DispersionIsADensityOfTheMigration) {
  GammaCounts counts(bins({0, 1}));
  for (const double reco :
       {1.2, 1.4, 2.2, 9.0})  // 0.6, 0.7 and 1.1 of the true energy; 4.5: outside
    counts.add({.true_energy = 2, .reco_energy = reco, .offset = 0.4, .theta = 0});
  const std::vector<double> density = energy_dispersion(counts);  // [1][2][2]
  ASSERT_EQ(density.size(), 4U);
  EXPECT_DOUBLE_EQ(density[0], 2.0 / 3 / 0.5);
  EXPECT_DOUBLE_EQ(density[2], 1.0 / 3 / 1.0);
  EXPECT_EQ(density[1], 0);  // an energy without events
  EXPECT_EQ(density[3], 0);
}

TEST(Response, PointSpreadIsADensityOfTheSolidAngle) {
  GammaCounts counts(bins({0, 1, 2}));
  for (const double theta : {0.05, 0.06, 0.07, 0.2, 0.5})  // the last one outside
    counts.add({.true_energy = 20, .reco_energy = 20, .offset = 1.5, .theta = theta});
  const std::vector<double> density = point_spread(counts);  // [2][2][2]
  ASSERT_EQ(density.size(), 8U);
  const double inner = cone_solid_angle(0.1), outer = cone_solid_angle(0.3) - inner;
  EXPECT_DOUBLE_EQ(density[3], 0.75 / inner);  // [0][1][1]
  EXPECT_DOUBLE_EQ(density[7], 0.25 / outer);  // [1][1][1]
  EXPECT_EQ(density[0] + density[1] + density[2] + density[4] + density[5] + density[6], 0);
}

TEST(Response, BackgroundIsARatePerEnergyAndSolidAngle) {
  BackgroundCounts counts({1, 2, 4}, {0, 1, 2, 3});
  counts.add(3, 0.5, 0.25);
  counts.add(3, 0.6, 0.75);
  counts.add(5, 0.5, 1);
  counts.add(3, 3.5, 1);
  const std::vector<double> rate = counts.rate();  // [3][2]
  ASSERT_EQ(rate.size(), 6U);
  EXPECT_NEAR(rate[1], 1 / (2e6 * cone_solid_angle(1)), 1e-15);
  EXPECT_EQ(rate[0] + rate[2] + rate[3] + rate[4] + rate[5], 0);
}

}  // namespace
}  // namespace alisio::dl3
