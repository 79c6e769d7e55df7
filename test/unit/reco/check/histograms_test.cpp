#include "reco/check/histograms.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace alisio::check {
namespace {

TEST(BinOf, FollowsNumpy) {
  const std::vector<double> edges{0, 1, 2, 4};
  const std::size_t outside = 3;
  EXPECT_EQ(bin_of(edges, 0), 0U);
  EXPECT_EQ(bin_of(edges, 0.999), 0U);
  EXPECT_EQ(bin_of(edges, 1), 1U) << "an inner edge belongs to the bin above it";
  EXPECT_EQ(bin_of(edges, 3), 2U);
  EXPECT_EQ(bin_of(edges, 4), 2U) << "the last bin is closed";
  EXPECT_EQ(bin_of(edges, std::nextafter(4.0, 5.0)), outside);
  EXPECT_EQ(bin_of(edges, -1e-300), outside);
  EXPECT_EQ(bin_of(edges, std::numeric_limits<double>::quiet_NaN()), outside);
  EXPECT_EQ(bin_of(edges, std::numeric_limits<double>::infinity()), outside);
}

TEST(Binnings, AreLstchains) {
  struct Expected {
    const char* name;
    std::size_t x_bins, y_bins;
    double x_first, x_last;
  };
  const std::vector<Expected> expected{
      {"hist_delta_t", 199, 1, -0.01, 2},
      {"hist_npixels", 399, 1, 0.5, 2000.5},
      {"hist_nislands", 30, 1, -0.5, 29.5},
      {"hist_intensity", 100, 1, 10, 1e6},
      {"hist_dist0", 49, 1, 0, 2.5},
      {"hist_dist0_intensity_gt_200", 49, 1, 0, 2.5},
      {"hist_width", 100, 100, 5.0118723362727229, 501187.23362727213},
      {"hist_length", 100, 100, 5.0118723362727229, 501187.23362727213},
      {"hist_skewness", 100, 100, 5.0118723362727229, 501187.23362727213},
      {"hist_pixelchargespectrum", 120, 1, 0.1, 50118.723362727235},
      {"hist_psi", 100, 1, -100, 100},
      {"hist_intercept", 100, 100, 5.0118723362727229, 501187.23362727213},
      {"hist_tgrad_vs_length", 100, 100, 0, 1},
      {"hist_tgrad_vs_length_intensity_gt_200", 100, 100, 0, 1},
  };
  ASSERT_EQ(expected.size(), n_histograms);
  for (std::size_t i = 0; i < n_histograms; ++i) {
    const Binning& b = binnings()[i];
    EXPECT_STREQ(b.name, expected[i].name);
    EXPECT_EQ(b.x_bins(), expected[i].x_bins) << b.name;
    EXPECT_EQ(b.y_bins(), expected[i].y_bins) << b.name;
    EXPECT_NEAR(b.x.front(), expected[i].x_first, 1e-12 * std::abs(expected[i].x_first)) << b.name;
    EXPECT_NEAR(b.x.back(), expected[i].x_last, 1e-12 * std::abs(expected[i].x_last)) << b.name;
  }
  EXPECT_DOUBLE_EQ(binning(Histogram::intercept).y.front(), -30);
  EXPECT_DOUBLE_EQ(binning(Histogram::intercept).y.back(), 40);
  EXPECT_DOUBLE_EQ(binning(Histogram::tgrad_vs_length).y.back(), 200);
  EXPECT_DOUBLE_EQ(binning(Histogram::tgrad_vs_length_intensity_gt_200).y.back(), 50);
}

}  // namespace
}  // namespace alisio::check
