#include "reco/dl3/interpolation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace alisio::dl3 {
namespace {

std::vector<double> edges(double low, double high, std::size_t n) {
  std::vector<double> out;
  for (std::size_t i = 0; i <= n; ++i) out.push_back(low + (high - low) * double(i) / double(n));
  return out;
}

std::vector<double> gaussian(const Bins& bins, double mean, double sigma) {
  std::vector<double> out;
  double sum = 0;
  for (std::size_t i = 0; i < bins.widths.size(); ++i) {
    const double x = (bins.edges[i] + bins.edges[i + 1]) / 2;
    out.push_back(std::exp(-0.5 * std::pow((x - mean) / sigma, 2)));
    sum += out.back() * bins.widths[i];
  }
  for (double& value : out) value /= sum;
  return out;
}

double mean_of(const std::vector<double>& density, const Bins& bins) {
  double sum = 0;
  for (std::size_t i = 0; i < density.size(); ++i)
    sum += density[i] * bins.widths[i] * (bins.edges[i] + bins.edges[i + 1]) / 2;
  return sum;
}

TEST(InterpolateDensity, MovesThePeak) {
  const Bins bins = migration_bins(edges(0, 2, 100));
  const NodeValues nodes{
      {gaussian(bins, 0.8, 0.1), gaussian(bins, 1.1, 0.1), gaussian(bins, 1.1, 0.1)},
      {0.5, 0.25, 0.25}};
  const std::vector<double> found = interpolate_density(nodes, bins);
  const std::vector<double> expected = gaussian(bins, 0.95, 0.1);
  double integral = 0, largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    integral += found[i] * bins.widths[i];
    largest = std::max(largest, std::abs(found[i] - expected[i]));
  }
  EXPECT_NEAR(integral, 1, 1e-12);
  EXPECT_NEAR(mean_of(found, bins), 0.95, 0.015);  // pyirf's half bin
  EXPECT_LT(largest, 0.5);                         // of 4.0; fading would leave two peaks
}

TEST(InterpolateDensity, OfNothingIsNothing) {
  const Bins bins = migration_bins(edges(0, 2, 20));
  const NodeValues nodes{{gaussian(bins, 1, 0.2), std::vector<double>(20, 0.0)}, {0.5, 0.5}};
  EXPECT_EQ(interpolate_density(nodes, bins), std::vector<double>(20, 0.0));
}

TEST(InterpolateDensity, OfOneFullBinStaysThere) {
  const Bins bins = migration_bins(edges(0, 1, 10));
  std::vector<double> spike(10, 0.0);
  spike[4] = 10;
  const auto found = interpolate_density({{spike, spike}, {0.5, 0.5}}, bins);
  double integral = 0;
  for (std::size_t i = 0; i < found.size(); ++i) integral += found[i] * bins.widths[i];
  EXPECT_NEAR(integral, 1, 1e-12);
  EXPECT_NEAR(mean_of(found, bins), 0.45, 0.1);
}

TEST(InterpolateAreas, GoesByTheLogarithm) {
  const auto found = interpolate_areas({{{100, 0, 1e4, 0.5}, {1e4, 0, 0, 0.7}}, {0.5, 0.5}});
  EXPECT_NEAR(found[0], 1000, 1e-9);
  EXPECT_EQ(found[1], 0);
  EXPECT_NEAR(found[2], 100, 1e-9);  // nothing counts as 1 m2
  EXPECT_EQ(found[3], 0);
}

TEST(ConeBins, HoldTheSphere) {
  const std::vector<double> degrees{0, 60, 180};
  const Bins bins = cone_bins(degrees);
  EXPECT_NEAR(bins.widths[0] + bins.widths[1], 4 * 3.14159265358979, 1e-9);
  EXPECT_NEAR(bins.widths[0], 3.14159265358979, 1e-9);
}

}  // namespace
}  // namespace alisio::dl3
