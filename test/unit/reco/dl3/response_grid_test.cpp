#include "reco/dl3/response_grid.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "reco/dl3/geomagnetic.hpp"

namespace alisio::dl3 {
namespace {

const std::vector<Pointing> around{{20, 180, 32.8}, {40, 90, 59.5}, {25, 60, 66.0}};

double cosine(double degrees) {
  return std::cos(degrees * 3.14159265358979323846 / 180);
}
double sine(double degrees) {
  return std::sin(degrees * 3.14159265358979323846 / 180);
}

TEST(ChooseNodes, WeightsGiveBackThePointing) {
  const Pointing target{30, 110, 46.0};
  const NodeChoice choice = choose_nodes(around, target, GridUse::interpolate);
  ASSERT_EQ(choice.nodes.size(), 3U);
  EXPECT_FALSE(choice.outside);
  double x = 0, y = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    x += choice.weights[i] * cosine(around[choice.nodes[i]].zenith_deg);
    y += choice.weights[i] * sine(around[choice.nodes[i]].field_angle_deg);
  }
  EXPECT_NEAR(x, cosine(30), 1e-12);
  EXPECT_NEAR(y, sine(46), 1e-12);
  EXPECT_NEAR(std::accumulate(choice.weights.begin(), choice.weights.end(), 0.0), 1, 1e-12);
}

TEST(ChooseNodes, OutsideTheNearestStands) {
  const NodeChoice choice = choose_nodes(around, {60, 90, 60}, GridUse::interpolate);
  EXPECT_TRUE(choice.outside);
  EXPECT_EQ(choice.nodes, std::vector<std::size_t>{1});
  EXPECT_EQ(choice.weights, std::vector<double>{1});
  const NodeChoice nearest = choose_nodes(around, {30, 110, 46}, GridUse::nearest);
  EXPECT_FALSE(nearest.outside);
  EXPECT_EQ(nearest.nodes.size(), 1U);
}

TEST(ChooseNodes, TwoNodesOrALineMakeNoTriangle) {
  const std::vector<Pointing> two{around[0], around[1]};
  EXPECT_EQ(choose_nodes(two, {30, 110, 46}, GridUse::interpolate).nodes.size(), 1U);
  const std::vector<Pointing> line{{20, 0, 30}, {20, 0, 40}, {20, 0, 50}};
  EXPECT_EQ(choose_nodes(line, {20, 0, 41}, GridUse::interpolate).nodes,
            std::vector<std::size_t>{1});
}

TEST(ChooseNodes, OfPairsAcrossTheMeridianTheNearerAzimuthCounts) {
  std::vector<Pointing> nodes = around;
  nodes.push_back({40, 260.3, 59.5});  // like nodes[1], on the other side
  EXPECT_EQ(choose_nodes(nodes, {45, 100, 60}, GridUse::nearest).nodes.front(), 1U);
  EXPECT_EQ(choose_nodes(nodes, {45, 250, 60}, GridUse::nearest).nodes.front(), 3U);
  nodes[1].azimuth_deg = 355;
  EXPECT_EQ(choose_nodes(nodes, {45, 2, 60}, GridUse::nearest).nodes.front(), 1U);
}

TEST(DelaunayTriangles, OfASquareWithAMiddle) {
  const std::vector<GridPoint> points{{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0.4, 0.5}};
  const auto triangles = delaunay_triangles(points);
  EXPECT_EQ(triangles.size(), 4U);
  for (const auto& corners : triangles) EXPECT_EQ(std::ranges::count(corners, std::size_t{4}), 1);
}

TEST(AngleToField, IsThatOfTheDate) {
  // get_geomagnetic_delta of lstchain 0.12.3 at 2021-11-29 and five Julian years later.
  EXPECT_NEAR(angle_to_field(la_palma_field(1638144000), 30, 110), 46.16679417368718, 1e-12);
  EXPECT_NEAR(angle_to_field(la_palma_field(1795932000), 30, 110), 46.85245204490454, 1e-12);
  const MagneticField field = la_palma_field(1638144000);
  EXPECT_NEAR(field.declination_deg, -4.8443, 1e-3);
  EXPECT_NEAR(field.inclination_deg, 37.3663, 1e-3);
  EXPECT_NEAR(angle_to_field(field, 0, 0), 90 - field.inclination_deg, 1e-9);
}

}  // namespace
}  // namespace alisio::dl3
