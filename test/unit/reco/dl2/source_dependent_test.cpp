#include "reco/dl2/source_dependent.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace alisio::dl2 {
namespace {

TEST(AssumedPositions, AreNamedByTheirAngle) {
  const auto one = assumed_positions(1);
  ASSERT_EQ(one.size(), 2U);
  EXPECT_EQ(one[0].name, "on");
  EXPECT_EQ(one[1].name, "off_180");
  const auto three = assumed_positions(3);
  EXPECT_EQ(three[1].name, "off_090");
  EXPECT_EQ(three[3].name, "off_270");
  EXPECT_EQ(assumed_positions(0).size(), 1U);
}

TEST(Turned, KeepsTheDistanceFromTheCentre) {
  const std::vector<sky::CameraPoint> places{{0.3, 0.1}};
  const auto quarter = turned(places, 90);
  EXPECT_NEAR(quarter[0].x, -0.1, 1e-12);
  EXPECT_NEAR(quarter[0].y, 0.3, 1e-12);
}

TEST(SourceColumns, TellAnImageThatPointsToTheSource) {
  Dl1Columns dl1;
  dl1.resize(2);
  for (ImageParameters& image : dl1.parameters) {
    image.x = 0.4;
    image.y = 0;
    image.psi = 0;
    image.skewness = 0.5;
    image.time_gradient = -3;
  }
  dl1.parameters[1].psi = std::numbers::pi / 4;
  const std::vector<sky::CameraPoint> places(2);
  const SourceColumns seen = source_columns(dl1, places);
  EXPECT_DOUBLE_EQ(seen.dist[0], 0.4);
  EXPECT_NEAR(seen.alpha[0], 0, 1e-12);
  EXPECT_NEAR(seen.alpha[1], 45, 1e-9);
  // The source lies against the axis: signs as they are.
  EXPECT_DOUBLE_EQ(seen.skewness_from_source[0], 0.5);
  EXPECT_DOUBLE_EQ(seen.time_gradient_from_source[0], -3);
  dl1.parameters[0].x = -0.4;
  EXPECT_DOUBLE_EQ(source_columns(dl1, places).skewness_from_source[0], -0.5);
}

TEST(SourceColumns, FollowTheRowsOfTheirTable) {
  Dl1Columns dl1;
  dl1.resize(3);
  dl1.source.dist = {1, 2, 3};
  const Dl1Columns some = dl1.select({2, 0});
  EXPECT_EQ(some.source.dist, (std::vector<double>{3, 1}));
  Dl1Columns all = some;
  all.append(some);
  EXPECT_EQ(all.source.dist.size(), 4U);
}

}  // namespace
}  // namespace alisio::dl2
