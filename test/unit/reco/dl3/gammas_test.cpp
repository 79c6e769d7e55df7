#include "reco/dl3/gammas.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace alisio::dl3 {
namespace {

constexpr double deg = std::numbers::pi / 180;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Gammas 0.4 deg above a pointing at 60 deg, reconstructed `theta` above the truth.
Events gammas(const std::vector<double>& theta_deg, const std::vector<double>& reco_energy,
              const std::vector<double>& gammaness) {
  Events events;
  events.n = theta_deg.size();
  const std::vector<double> same(events.n, 1.0);
  const auto constant = [&](double value) { return std::vector<double>(events.n, value); };
  std::vector<double> reco_alt;
  for (const double theta : theta_deg) reco_alt.push_back((60.4 + theta) * deg);
  events.columns = {{"mc_energy", constant(1)}, {"mc_alt", constant(60.4 * deg)},
                    {"mc_az", constant(2)},     {"mc_alt_tel", constant(60 * deg)},
                    {"mc_az_tel", constant(2)}, {"reco_energy", reco_energy},
                    {"gammaness", gammaness},   {"reco_alt", reco_alt},
                    {"reco_az", constant(2)},   {"tel_id", same}};
  return events;
}

std::vector<std::size_t> all_rows(const Events& events) {
  std::vector<std::size_t> rows(events.n);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  return rows;
}

const SampleOptions wide{.kind = {}, .energy_scale = 1, .max_offset_deg = 10};

TEST(Gammas, KnowTheirOffsetAndTheta) {
  const Events events = gammas({0.1, 0.3}, {1, 2}, {0.9, 0.8});
  GammaSample sample;
  EXPECT_EQ(add_gammas(sample, events, all_rows(events), wide), 0U);
  ASSERT_EQ(sample.size(), 2U);
  EXPECT_NEAR(sample.offset[0], 0.4, 1e-12);
  EXPECT_NEAR(sample.distance[0], 0.1, 1e-12);
  EXPECT_NEAR(sample.distance[1], 0.3, 1e-12);
  EXPECT_EQ(sample.sign_right[0], 1);
}

TEST(Gammas, LeaveOutWhatIsNotFiniteOrTooFarOff) {
  const Events events = gammas({0.1, nan, 0.1, 0.1}, {1, 1, nan, 1}, {0.9, 0.9, 0.9, nan});
  GammaSample sample;
  EXPECT_EQ(add_gammas(sample, events, all_rows(events), wide), 3U);
  EXPECT_EQ(sample.size(), 1U);
  SampleOptions narrow = wide;
  narrow.max_offset_deg = 0.3;
  EXPECT_EQ(add_gammas(sample, events, {0}, narrow), 0U);
  EXPECT_EQ(sample.size(), 1U);
}

TEST(Gammas, ScaleTheTrueEnergy) {
  const Events events = gammas({0.1}, {1}, {0.9});
  SampleOptions options = wide;
  options.energy_scale = 1.15;
  GammaSample sample;
  add_gammas(sample, events, {0}, options);
  EXPECT_EQ(sample.true_energy[0], 1.15);
  EXPECT_EQ(sample.reco_energy[0], 1);
}

TEST(Gammas, GlobalCutsLeaveTheirOwnValueOut) {
  const GammaCuts cuts{
      .kind = {.point_like = true}, .options = {}, .gammaness = {}, .direction = {}};
  EXPECT_FALSE(cuts.keeps_gammaness(1, 0.6));
  EXPECT_TRUE(cuts.keeps_gammaness(1, 0.6001));
  EXPECT_FALSE(cuts.keeps_direction(1, 0.2));
  EXPECT_TRUE(cuts.keeps_direction(1, 0.1999));
  const GammaCuts full{.kind = {}, .options = {}, .gammaness = {}, .direction = {}};
  EXPECT_TRUE(full.keeps_direction(1, 50));
  const GammaCuts alpha{.kind = {.point_like = true, .source_dependent = true},
                        .options = {},
                        .gammaness = {},
                        .direction = {}};
  EXPECT_TRUE(alpha.keeps_direction(1, 19.9));
  EXPECT_FALSE(alpha.keeps_direction(1, 20));
}

TEST(Gammas, ThetaCutsFollowTheGammasWhoseSignIsRight) {
  Events events = gammas({0.1, 0.15, 0.2, 3, 3}, {1, 1, 1, 1, 1}, {0.9, 0.9, 0.9, 0.9, 0.9});
  events.columns["disp_sign"] = {1, 1, 1, 1, 1};
  events.columns["reco_disp_sign"] = {1, 1, 1, -1, -1};
  GammaSample sample;
  add_gammas(sample, events, all_rows(events), wide);
  CutOptions options;
  options.min_events = 1;
  options.theta_containment = 1;
  const ResponseKind kind{.point_like = true, .energy_dependent_theta = true};
  const GammaCuts cuts = find_gamma_cuts(sample, kind, options, {0.5, 5});
  ASSERT_TRUE(cuts.direction);
  EXPECT_EQ(cuts.direction->n_events[0], 3);
  EXPECT_NEAR(cuts.direction->cut[0], 0.2, 1e-12);
}

TEST(Gammas, CutsByEnergyKeepTheFractionAskedFor) {
  std::vector<double> gammaness, energy, theta;
  for (int i = 0; i < 100; ++i) {
    gammaness.push_back(0.2 + 0.005 * i);
    energy.push_back(1);
    theta.push_back(0.15);
  }
  const Events events = gammas(theta, energy, gammaness);
  GammaSample sample;
  add_gammas(sample, events, all_rows(events), wide);
  CutOptions options;
  options.gammaness_efficiency = 0.8;
  const GammaCuts cuts =
      find_gamma_cuts(sample, {.energy_dependent_gammaness = true}, options, {0.5, 5});
  const GammaCounts counts = count_gammas(
      sample, cuts,
      {.true_energy = {0.5, 5}, .migration = {0.5, 2}, .offset = {0, 1}, .source_offset = {0, 1}});
  EXPECT_EQ(counts.energies()[0], 80);
  EXPECT_EQ(counts.directions()[0], 80);
}

TEST(Gammas, BackgroundIsWeightedFromTheSimulatedToTheRealFlux) {
  Events events = gammas({0.1, 0.1}, {1, 1}, {0.9, 0.3});
  const Simulation simulation{.n_showers = 1e6,
                              .energy_min = 0.1,
                              .energy_max = 10,
                              .spectral_index = -2,
                              .max_impact = 1000,
                              .viewcone_min = 0,
                              .viewcone_max = 5};
  BackgroundCounts counts({0.5, 1.5}, {0, 1});
  const GammaCuts cuts{.kind = {}, .options = {}, .gammaness = {}, .direction = {}};
  add_background(counts, events, all_rows(events), cuts, simulation, proton_spectrum, 1);
  const double weight = proton_spectrum(1) / simulated_flux(simulation, 1);
  EXPECT_NEAR(counts.rate()[0] / (weight / (1e6 * cone_solid_angle(1))), 1, 1e-12);
}

}  // namespace
}  // namespace alisio::dl3
