#include "reco/dl3/on_off.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace alisio::dl3 {
namespace {

// gammapy 1.3: WStatCountsStatistic(n_on, n_off, alpha).sqrt_ts; the last one with 50 digits:
// there gammapy is right to 1e-8.
TEST(LiMa, AgreesWithGammapy) {
  struct Golden {
    double on, off, alpha, significance;
  };
  constexpr Golden golden[] = {{120, 80, 1, 2.8379932030002055},
                               {30, 210, 0.1, 1.7476597159139904},
                               {5, 0, 0.5, 3.3145320765805084},
                               {0, 7, 0.3, -1.9165332510929405},
                               {80, 120, 1, -2.8379932030002055},
                               {1, 0, 1, 1.1774100225154747},
                               {100000, 99000, 1.01, 0.022305543562683744}};
  for (const Golden& g : golden)
    EXPECT_NEAR(li_ma_significance(g.on, g.off, g.alpha), g.significance, 1e-9) << g.on;
}

TEST(LiMa, NothingCountedIsNoExcess) {
  EXPECT_EQ(li_ma_significance(0, 0, 1), 0);
}

TEST(LiMa, WithoutExposureRatioNothingIsKnown) {
  for (const double alpha : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_TRUE(std::isnan(li_ma_significance(3, 4, alpha))) << alpha;
  const Excess excess = excess_of(3, 4, std::nan(""));
  EXPECT_EQ(excess.n_on, 3);
  EXPECT_TRUE(std::isnan(excess.excess) && std::isnan(excess.excess_error));
}

TEST(LiMa, ExcessAndItsError) {
  const Excess excess = excess_of(50, 80, 0.25);
  EXPECT_DOUBLE_EQ(excess.background, 20);
  EXPECT_DOUBLE_EQ(excess.excess, 30);
  EXPECT_DOUBLE_EQ(excess.excess_error, std::sqrt(50 + 80 / 16.0));
}

constexpr OnOffBinning binning{
    .cut = 0.04, .last = 1, .norm_low = 0.5, .norm_high = 1, .bin_width = 0.02};

TEST(OnOffCounts, CutsAndRangesAreHalfOpen) {
  OnOffCounts counts(binning);
  for (const double distance : {0.0, 0.039, 0.04, 0.5, 0.7, 1.0, 1.1, std::nan("")})
    counts.add_on(distance);
  counts.add_off(0.6);
  EXPECT_EQ(counts.n_on, 2);
  EXPECT_EQ(counts.norm_on, 3);
  EXPECT_EQ(counts.n_off, 0);
  EXPECT_EQ(counts.norm_off, 1);
  ASSERT_EQ(counts.on.size(), 50U);
  EXPECT_EQ(counts.on[0], 1);
  EXPECT_EQ(counts.on[1], 1);
  EXPECT_EQ(counts.on[2], 1);
  EXPECT_EQ(counts.on[49], 1);
}

TEST(OnOffCounts, AddUp) {
  OnOffCounts a(binning), b(binning);
  a.add_on(0.01);
  b.add_on(0.01);
  b.add_off(0.8);
  a.add(b);
  EXPECT_EQ(a.n_on, 2);
  EXPECT_EQ(a.on[0], 2);
  EXPECT_EQ(a.norm_off, 1);
}

TEST(ExposureRatio, FromCountsOrFromThePositions) {
  OnOffCounts counts(binning);
  for (int i = 0; i < 3; ++i) counts.add_on(0.6);
  EXPECT_TRUE(std::isnan(exposure_ratio(counts, Normalisation::counts, 3)));
  for (int i = 0; i < 4; ++i) counts.add_off(0.6);
  EXPECT_DOUBLE_EQ(exposure_ratio(counts, Normalisation::counts, 3), 0.75);
  EXPECT_DOUBLE_EQ(exposure_ratio(counts, Normalisation::positions, 4), 0.25);
}

TEST(ReflectedPositions, OneIsTheMirroredSource) {
  const auto positions = reflected_positions({0.1, -0.2}, 1);
  ASSERT_EQ(positions.size(), 1U);
  EXPECT_EQ(positions[0].x, -0.1);
  EXPECT_EQ(positions[0].y, 0.2);
}

TEST(ReflectedPositions, AreAsFarFromTheCentreAndApart) {
  const auto positions = reflected_positions({0.2, 0}, 3);
  ASSERT_EQ(positions.size(), 3U);
  for (const auto& at : positions) EXPECT_NEAR(std::hypot(at.x, at.y), 0.2, 1e-12);
  EXPECT_NEAR(positions[0].y, 0.2, 1e-12);
  EXPECT_EQ(positions[1].x, -0.2);
  EXPECT_NEAR(positions[2].y, -0.2, 1e-12);
}

TEST(RegionsOverlap, IfTheSourceIsTooNearTheCentre) {
  EXPECT_FALSE(regions_overlap(0.4, 1, 0.2));
  EXPECT_TRUE(regions_overlap(0.1, 1, 0.2));
  EXPECT_FALSE(regions_overlap(0.41, 5, 0.2));
  EXPECT_TRUE(regions_overlap(0.4, 7, 0.2));
}

}  // namespace
}  // namespace alisio::dl3
