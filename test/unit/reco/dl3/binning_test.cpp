#include "reco/dl3/binning.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

TEST(Binning, GeometricEdgesHaveExactEnds) {
  const Edges edges = geometric_edges(0.005, 500, 25);
  ASSERT_EQ(edges.size(), 26U);
  EXPECT_EQ(edges.front(), 0.005);
  EXPECT_EQ(edges.back(), 500);
  EXPECT_NEAR(edges[5], 0.05, 1e-16);
  EXPECT_THROW((void)geometric_edges(0, 1, 2), Error);
  EXPECT_THROW((void)geometric_edges(2, 1, 2), Error);
  EXPECT_THROW((void)geometric_edges(1, 2, 0), Error);
}

TEST(Binning, LinearEdgesAreEquallyFar) {
  EXPECT_EQ(linear_edges(0, 10, 21)[1], 0.5);
  EXPECT_EQ(linear_edges(0.1, 1.1, 9).back(), 1.1);
  EXPECT_THROW((void)linear_edges(0, 1, 1), Error);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THROW((void)linear_edges(0, infinity, 3), Error);
  EXPECT_THROW((void)linear_edges(-infinity, 0, 3), Error);
  EXPECT_THROW((void)geometric_edges(1, infinity, 3), Error);
}

TEST(Binning, EdgesBelongToTheBinAboveAndTheLastToTheLast) {
  const Edges edges{1, 2, 4};
  EXPECT_EQ(bin_of(0.999, edges), no_bin);
  EXPECT_EQ(bin_of(1, edges), 0U);
  EXPECT_EQ(bin_of(2, edges), 1U);
  EXPECT_EQ(bin_of(4, edges), 1U);
  EXPECT_EQ(bin_of(4.001, edges), no_bin);
  EXPECT_EQ(bin_of(std::numeric_limits<double>::quiet_NaN(), edges), no_bin);
  EXPECT_EQ(half_open_bin_of(1, edges), 0U);
  EXPECT_EQ(half_open_bin_of(4, edges), no_bin);
}

}  // namespace
}  // namespace alisio::dl3
