#include "reco/dl2/dl2.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <random>

#include "lib/base/error.hpp"

namespace alisio::dl2 {
namespace {

using forest::Forest;
using forest::ForestKind;
using forest::Node;
using forest::Tree;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr float leaf = std::numeric_limits<float>::infinity();

/// A forest of one stump on its first feature, and the arrays it looks into.
struct Stump {
  Stump(const std::string& name, std::vector<std::string> features, std::vector<double> classes,
        float threshold, std::vector<double> left_then_right)
      : nodes{{threshold, 1U << forest::feature_bits},
              {leaf, 0},
              {leaf, 1U << forest::feature_bits}},
        leaves(std::move(left_then_right)),
        forest(name, classes.empty() ? ForestKind::regressor : ForestKind::classifier,
               std::move(features), classes, leaves.size() / 2,
               {Tree{nodes, leaves.data(), 3, 2, 1}}) {}

  Node nodes[3];
  std::vector<double> leaves;
  Forest forest;
};

/// Energy jumps at alt_tel 1.0 rad, disp is 0.3 m, the source lies at +psi if skewness > 0, gammas
/// have a positive signed skewness.
struct Models {
  Stump energy{"reg_energy", {"alt_tel", "log_intensity", "sin_az_tel"}, {}, 1.0F, {-1.0, 0.5}};
  Stump norm{"reg_disp_norm", {"length"}, {}, 1.0F, {0.3, 0.3}};
  Stump disp_sign{"cls_disp_sign", {"skewness"}, {-1, 1}, 0.0F, {0.9, 0.1, 0.2, 0.8}};
  Stump gh{"cls_gh",
           {"signed_skewness", "reco_disp_sign", "log_reco_energy"},
           {0, 101},
           0.0F,
           {0.25, 0.75, 0.75, 0.25}};

  [[nodiscard]] ModelSet set() const {
    ModelSet models;
    models.energy = &energy.forest;
    models.disp_norm = &norm.forest;
    models.disp_sign = &disp_sign.forest;
    models.gammaness = &gh.forest;
    return models;
  }
};

Dl1Columns events(std::size_t n) {
  Dl1Columns dl1;
  dl1.resize(n);
  dl1.sin_az_tel.clear();
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(0.1, 1);
  for (std::size_t i = 0; i < n; ++i) {
    dl1.event_id[i] = static_cast<std::int64_t>(i) + 1;
    ImageParameters& image = dl1.parameters[i];
    image.intensity = 1000 * uniform(random);
    image.log_intensity = std::log10(image.intensity);
    image.x = uniform(random);
    image.y = -uniform(random);
    image.r = std::hypot(image.x, image.y);
    image.length = uniform(random);
    image.width = image.length / 2;
    image.wl = 0.5;
    image.psi = uniform(random);
    image.skewness = uniform(random) - 0.5;
    image.time_gradient = uniform(random) - 0.5;
    image.leakage_intensity_width_2 = 0.1F;
    dl1.alt_tel[i] = 1.2;
    dl1.az_tel[i] = 2;
    dl1.dragon_time[i] = 100 + 0.5 * static_cast<double>(i);
  }
  return dl1;
}

TEST(Dl2, ReconstructsAnEvent) {
  const Models models;
  Dl1Columns dl1 = events(1);
  ImageParameters& image = dl1.parameters[0];
  image.x = 0.2;
  image.y = -0.1;
  image.psi = 0.5;
  image.skewness = 0.4;
  image.time_gradient = 3;
  const Dl2Columns dl2 = reconstruct(dl1, models.set());
  ASSERT_EQ(dl2.size(), 1U);
  EXPECT_EQ(dl2.log_reco_energy[0], 0.5);
  EXPECT_EQ(dl2.reco_energy[0], std::pow(10.0, 0.5));
  EXPECT_EQ(dl2.reco_disp_norm[0], 0.3);
  EXPECT_EQ(dl2.reco_disp_sign[0], 1);
  EXPECT_EQ(dl2.reco_disp_sign_proba[0], 0.2) << "the probability of the sign -1";
  EXPECT_DOUBLE_EQ(dl2.reco_src_x[0], 0.2 + 0.3 * std::cos(0.5));
  EXPECT_DOUBLE_EQ(dl2.reco_src_y[0], -0.1 + 0.3 * std::sin(0.5));
  EXPECT_EQ(dl2.signed_skewness[0], -0.4);
  EXPECT_EQ(dl2.signed_time_gradient[0], -3);
  EXPECT_EQ(dl2.gammaness[0], 0.25);
  EXPECT_EQ(dl2.reco_type[0], 101);
  EXPECT_TRUE(dl2.alt0.empty()) << "no training pointings, no interpolation";
  // Small angles: x points up, y along increasing azimuth.
  EXPECT_NEAR(dl2.reco_alt[0], 1.2 + dl2.reco_src_x[0] / 29.30565, 1e-3);
  EXPECT_NEAR(dl2.reco_az[0], 2 + dl2.reco_src_y[0] / 29.30565 / std::cos(1.2), 1e-3);
}

TEST(Dl2, ReconstructsTheCentreOfTheCameraAtThePointing) {
  Models models;
  models.norm.leaves = {0, 0};
  Dl1Columns dl1 = events(1);
  dl1.parameters[0].x = dl1.parameters[0].y = 0;
  dl1.az_tel[0] = -0.5;
  const Dl2Columns dl2 = reconstruct(dl1, models.set());
  EXPECT_NEAR(dl2.reco_alt[0], 1.2, 1e-15);
  EXPECT_NEAR(dl2.reco_az[0], 2 * std::numbers::pi - 0.5, 1e-15);
  EXPECT_NEAR(dl2.dl1.az_tel[0], 2 * std::numbers::pi - 0.5, 1e-15) << "azimuth in [0, 2 pi)";
}

TEST(Dl2, PredictsADispVector) {
  const Models models;
  const Stump vector{"reg_disp_vector", {"length"}, {}, 5.0F, {0.1, -0.2, 0, 0}};
  ModelSet set = models.set();
  set.disp_vector = &vector.forest;
  set.disp_norm = set.disp_sign = nullptr;
  const Stump gh{"cls_gh", {"signed_skewness"}, {0, 101}, 0.0F, {0.25, 0.75, 0.75, 0.25}};
  set.gammaness = &gh.forest;
  Options options;
  options.disp_method = DispMethod::vector;
  const Dl2Columns dl2 = reconstruct(events(3), set, options);
  ASSERT_EQ(dl2.size(), 3U);
  EXPECT_EQ(dl2.reco_disp_dx[1], 0.1);
  EXPECT_EQ(dl2.reco_disp_dy[1], -0.2);
  EXPECT_TRUE(dl2.reco_disp_norm.empty());
}

TEST(Dl2, DropsRowsOutsideFiltersAndNonFiniteFeatures) {
  const Models models;
  Dl1Columns dl1 = events(8);
  dl1.parameters[1].width = nan;
  dl1.parameters[2].intensity = -1;
  dl1.parameters[3].skewness = nan;
  dl1.parameters[4].log_intensity = std::numeric_limits<double>::infinity();
  dl1.parameters[5].log_intensity = 1e300;
  dl1.parameters[6].psi = nan;
  const Dl2Columns dl2 = reconstruct(dl1, models.set());
  EXPECT_EQ(dl2.dl1.event_id, (std::vector<std::int64_t>{1, 8}));
  EXPECT_EQ(dl2.delta_t, (std::vector<double>{0, 0.5})) << "to the previous row, kept or not";
  EXPECT_EQ(dl2.counts.outside_filters, 2U);
  EXPECT_EQ(dl2.counts.non_finite_features, 3U);
  EXPECT_EQ(dl2.counts.non_finite_results, 1U);
  EXPECT_EQ(dl2.counts.input, 8U);
  EXPECT_EQ(dl2.counts.output, 2U);
  EXPECT_EQ(dl2.gammaness.size(), 2U);
  EXPECT_EQ(dl2.reco_type.size(), 2U);
}

TEST(Dl2, FiltersInclusively) {
  const Models models;
  Dl1Columns dl1 = events(3);
  for (int i = 0; i < 3; ++i)
    dl1.parameters[static_cast<std::size_t>(i)].intensity = 50.0 * (i + 1);
  Options options;
  options.events_filters = {{"intensity", 50, 100}};
  EXPECT_EQ(reconstruct(dl1, models.set(), options).dl1.event_id,
            (std::vector<std::int64_t>{1, 2}));
}

TEST(Dl2, SuggestsTheColumnOfAMistypedFilter) {
  const Models models;
  Options options;
  options.events_filters = {{"intensty", 50, 100}};
  try {
    (void)reconstruct(events(1), models.set(), options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_NE(std::string(error.what()).find("intensity"), std::string::npos);
  }
}

TEST(Dl2, ReturnsAnEmptyTableIfNothingIsLeft) {
  const Models models;
  Dl1Columns dl1 = events(5);
  for (auto& image : dl1.parameters) image.width = nan;
  const Dl2Columns dl2 = reconstruct(dl1, models.set());
  EXPECT_EQ(dl2.size(), 0U);
  EXPECT_TRUE(dl2.reco_alt.empty());
  EXPECT_EQ(reconstruct(Dl1Columns{}, models.set()).size(), 0U);
}

TEST(Dl2, InterpolatesInCosZenithOnTheSideOfCulmination) {
  const Models models;
  ModelSet set = models.set();
  // Zeniths 20 and 40 deg on the event's side, 30 deg on the other side.
  set.training_pointings = {{40, 100}, {20, 100}, {30, 260}, {60, 100}};
  Dl1Columns dl1 = events(2);
  const auto alt = [](double zenith) { return (90 - zenith) * std::numbers::pi / 180; };
  dl1.alt_tel[0] = alt(25);
  dl1.alt_tel[1] = alt(70);  // beyond the last: extrapolated from 60 and 40
  const Dl2Columns dl2 = reconstruct(dl1, set);
  ASSERT_EQ(dl2.size(), 2U);
  const auto cosine = [](double zenith) { return std::cos(zenith * std::numbers::pi / 180); };
  EXPECT_NEAR(dl2.alt0[0], alt(20), 1e-15);
  EXPECT_NEAR(dl2.alt1[0], alt(40), 1e-15);
  const double w1 = (cosine(25) - cosine(20)) / (cosine(40) - cosine(20));
  EXPECT_NEAR(dl2.w1[0], w1, 1e-14);
  EXPECT_EQ(dl2.w0[0], 1 - dl2.w1[0]);
  EXPECT_NEAR(dl2.log_reco_energy[0], (1 - w1) * 0.5 + w1 * -1.0, 1e-14)
      << "0.5 above 1 rad of altitude, -1 below";
  EXPECT_NEAR(dl2.alt0[1], alt(60), 1e-15);
  EXPECT_GT(dl2.w0[1], 1);
  EXPECT_LT(dl2.w1[1], 0);
}

TEST(Dl2, WeighsNodesOfTheSameZenithEqually) {
  const Models models;
  ModelSet set = models.set();
  set.training_pointings = {{20, 100}, {20, 120}, {50, 100}};
  const Dl2Columns dl2 = reconstruct(events(1), set);
  EXPECT_EQ(dl2.w0[0], 0.5);
  EXPECT_EQ(dl2.w1[0], 0.5);
}

TEST(Dl2, DoesNotInterpolateFromOnePointing) {
  const Models models;
  ModelSet set = models.set();
  set.training_pointings = {{20, 100}};
  EXPECT_TRUE(reconstruct(events(1), set).w0.empty());
}

TEST(Dl2, SwitchesInterpolationPerQuantity) {
  const Models models;
  ModelSet set = models.set();
  set.training_pointings = {{20, 100}, {40, 100}};
  Options options;
  options.interpolate_energy = false;
  Dl1Columns dl1 = events(1);
  dl1.alt_tel[0] = 1.1;
  EXPECT_EQ(reconstruct(dl1, set, options).log_reco_energy[0], 0.5);
  EXPECT_FALSE(reconstruct(dl1, set, options).w0.empty());
  options.interpolate_energy = true;
  EXPECT_NE(reconstruct(dl1, set, options).log_reco_energy[0], 0.5);
}

TEST(Dl2, ImputesPointingsByRowPosition) {
  Dl1Columns dl1 = events(7);
  dl1.alt_tel = {nan, 1.0, nan, nan, 1.3, 1.4, nan};
  dl1.az_tel = {nan, 2.0, nan, 2.4, nan, 2.8, nan};
  const Prepared rows = prepare(dl1);
  const std::vector<double> alt = {1.0, 1.0, 1.1, 1.2, 1.3, 1.4, 1.4};
  const std::vector<double> az = {2.0, 2.0, 2.2, 2.4, 2.6, 2.8, 2.8};
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(rows.dl1.alt_tel[i], alt[i], 1e-15) << i;
    EXPECT_NEAR(rows.dl1.az_tel[i], az[i], 1e-15) << i;
  }
  EXPECT_EQ(rows.imputed_pointings, 5U);
}

TEST(Dl2, SortsByEventIdBeforeImputing) {
  Dl1Columns dl1 = events(3);
  dl1.event_id = {3, 1, 2};
  dl1.alt_tel = {1.4, 1.0, nan};
  const Prepared rows = prepare(dl1);
  EXPECT_EQ(rows.dl1.event_id, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_NEAR(rows.dl1.alt_tel[1], 1.2, 1e-15);
  EXPECT_EQ(rows.delta_t, (std::vector<double>{0.5, 0.5, 0})) << "of the order in the file";
}

TEST(Dl2, WithoutAnyPointingNothingIsReconstructed) {
  Dl1Columns dl1 = events(2);
  dl1.alt_tel = dl1.az_tel = {nan, nan};
  const Prepared rows = prepare(dl1);
  EXPECT_TRUE(std::isnan(rows.dl1.alt_tel[1]));
  EXPECT_EQ(rows.imputed_pointings, 0U);
  const Models models;
  const Dl2Columns dl2 = reconstruct(dl1, models.set(), {});
  EXPECT_EQ(dl2.counts.input, 2U);
  EXPECT_EQ(dl2.counts.output, 0U);
}

TEST(Dl2, ImputesTheSineWithItsAzimuth) {
  Dl1Columns dl1 = events(2);
  dl1.az_tel = {nan, 2.0};
  dl1.alt_tel = {nan, 1.0};
  dl1.sin_az_tel = {nan, std::sin(2.0)};
  const Prepared rows = prepare(dl1);
  EXPECT_EQ(rows.dl1.sin_az_tel[0], std::sin(2.0));
}

TEST(Dl2, PiecesArePreparedAsTheWhole) {
  const Models models;
  ModelSet set = models.set();
  set.training_pointings = {{20, 100}, {40, 100}};
  Dl1Columns dl1 = events(1000);
  std::mt19937 random(5);
  for (std::size_t i = 0; i < dl1.size(); ++i) {
    dl1.alt_tel[i] = 1.0 + 1e-4 * static_cast<double>(i);
    if (random() % 3 == 0) dl1.alt_tel[i] = nan;
    if (random() % 4 == 0) dl1.az_tel[i] = nan;
    if (random() % 5 == 0) dl1.parameters[i].width = nan;
  }
  for (std::size_t i = 0; i < 70; ++i) dl1.alt_tel[i] = dl1.alt_tel[999 - i] = nan;
  const Dl2Columns whole = reconstruct(dl1, set);
  for (const std::size_t piece : {1U, 7U, 64U, 999U}) {
    Preparer preparer;
    Prepared all;
    const auto join = [&](const Prepared& some) {
      all.dl1.append(some.dl1);
      all.delta_t.insert(all.delta_t.end(), some.delta_t.begin(), some.delta_t.end());
      all.imputed_pointings += some.imputed_pointings;
    };
    for (std::size_t begin = 0; begin < dl1.size(); begin += piece) {
      std::vector<std::size_t> rows;
      for (std::size_t i = begin; i < std::min(begin + piece, dl1.size()); ++i) rows.push_back(i);
      join(preparer.push(dl1.select(rows)));
    }
    join(preparer.finish());
    const Dl2Columns joined = reconstruct(all, set);
    EXPECT_EQ(joined.dl1.event_id, whole.dl1.event_id);
    EXPECT_EQ(joined.delta_t, whole.delta_t);
    EXPECT_EQ(joined.w0, whole.w0);
    EXPECT_EQ(joined.gammaness, whole.gammaness);
    EXPECT_EQ(joined.log_reco_energy, whole.log_reco_energy);
    ASSERT_EQ(joined.size(), whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
      ASSERT_NEAR(joined.reco_alt[i], whole.reco_alt[i], 1e-14);
      ASSERT_NEAR(joined.reco_az[i], whole.reco_az[i], 1e-14);
    }
    EXPECT_EQ(joined.counts.imputed_pointings, whole.counts.imputed_pointings);
  }
}

}  // namespace
}  // namespace alisio::dl2
