#include "reco/clean/pedestal_threshold.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/base/error.hpp"

namespace alisio::clean {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Camera {
  std::vector<double> mean{10, 20, 30, 40}, std{2, 4, 8, 100}, factor{0.5, 1, 0.25, 2};
  std::vector<std::uint8_t> unusable{0, 0, 0, 0};

  [[nodiscard]] std::vector<double> thresholds(UnusableThreshold rule, double floor = 8) const {
    return pedestal_picture_thresholds({mean, std, factor, unusable}, 2.5, floor, rule);
  }
};

TEST(PedestalThreshold, IsMeanPlusSigmasInPhotoElectronsButNotBelowTheFloor) {
  const auto p = Camera().thresholds(UnusableThreshold::largest);
  EXPECT_DOUBLE_EQ(p[0], 8);  // 0.5 * (10 + 5) = 7.5
  EXPECT_DOUBLE_EQ(p[1], 30);
  EXPECT_DOUBLE_EQ(p[2], 12.5);
  EXPECT_DOUBLE_EQ(p[3], 580);
}

TEST(PedestalThreshold, UnusablePixelsGetTheLargestOfAllOrTheFloor) {
  Camera camera;
  camera.unusable = {1, 0, 1, 0};
  const auto largest = camera.thresholds(UnusableThreshold::largest);
  EXPECT_DOUBLE_EQ(largest[0], 580);
  EXPECT_DOUBLE_EQ(largest[2], 580);
  EXPECT_DOUBLE_EQ(largest[1], 30);
  const auto floor = camera.thresholds(UnusableThreshold::floor);
  EXPECT_DOUBLE_EQ(floor[0], 8);
  EXPECT_DOUBLE_EQ(floor[2], 8);
  EXPECT_DOUBLE_EQ(floor[3], 580);
}

TEST(PedestalThreshold, AnUnusablePixelsOwnNoiseCountsForTheLargest) {
  Camera camera;
  camera.unusable = {0, 0, 0, 1};
  EXPECT_DOUBLE_EQ(camera.thresholds(UnusableThreshold::largest)[3], 580);
}

TEST(PedestalThreshold, NanStaysNanAndIsNotTheLargest) {
  Camera camera;
  camera.mean[0] = nan;
  camera.unusable = {0, 1, 0, 0};
  const auto p = camera.thresholds(UnusableThreshold::largest);
  EXPECT_TRUE(std::isnan(p[0]));
  EXPECT_DOUBLE_EQ(p[1], 580);
}

TEST(PedestalThreshold, CountsPixelsAboveTheFloor) {
  EXPECT_DOUBLE_EQ(fraction_above(Camera().thresholds(UnusableThreshold::largest), 8), 0.75);
  EXPECT_DOUBLE_EQ(fraction_above({}, 8), 0);
}

TEST(PedestalThreshold, RefusesArraysOfDifferentLengths) {
  Camera camera;
  camera.std.pop_back();
  EXPECT_THROW(static_cast<void>(camera.thresholds(UnusableThreshold::floor)), Error);
}

}  // namespace
}  // namespace alisio::clean
