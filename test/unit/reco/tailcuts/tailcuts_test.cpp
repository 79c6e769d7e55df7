#include "reco/tailcuts/tailcuts.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace alisio::tailcuts {
namespace {

constexpr float nan_f = std::numeric_limits<float>::quiet_NaN();

Options small() {
  return {.min_pedestal_events = 3, .min_valid_pixels = 3};
}

/// Five events of five pixels; pixel i has charges base_i + 0, 1, 2, 3, 4.
std::vector<float> charges(std::vector<float> base) {
  std::vector<float> all;
  for (int event = 0; event < 5; ++event)
    for (const float b : base) all.push_back(b + float(event));
  return all;
}

SubrunLevel level_of(const std::vector<float>& q, std::vector<std::uint8_t> unusable,
                     const Options& options = small()) {
  return subrun_level(q, unusable.size(), unusable, options);
}

TEST(SubrunLevel, IsTheCameraMedianOfThePixelsQuantiles) {
  // 0.95 of 4 steps is 3.8: the quantile of a pixel is its base + 3.8.
  const auto level = level_of(charges({1, 2, 3, 4, 5}), {0, 0, 0, 0, 0});
  EXPECT_TRUE(level.enough_events);
  EXPECT_EQ(level.pedestal_events, 5);
  EXPECT_EQ(level.valid_pixels, 5);
  EXPECT_NEAR(level.level, 6.8, 1e-6);
}

TEST(SubrunLevel, LeavesUnusablePixelsOutliersAndDeadPixelsOut) {
  // The last is far from all others; the first would pull the median if it counted.
  const auto unusable = level_of(charges({1, 2, 3, 4, 500}), {1, 0, 0, 0, 0});
  EXPECT_EQ(unusable.valid_pixels, 4);
  EXPECT_NEAR(unusable.level, 6.8, 1e-6);  // of 2, 3, 4
  // A pixel whose quantile is not positive measures no noise.
  const auto dead = level_of(charges({-9, 2, 3, 4, 5}), {0, 0, 0, 0, 0});
  EXPECT_EQ(dead.valid_pixels, 4);
  EXPECT_NEAR(dead.level, 7.3, 1e-6);
}

TEST(SubrunLevel, LeavesNanChargesOut) {
  auto q = charges({1, 2, 3, 4, 5});
  q[2] = nan_f;  // the smallest charge of the third pixel: 4, 5, 6, 7 stay
  const auto level = level_of(q, {0, 0, 0, 0, 0});
  EXPECT_NEAR(level.level, 6.85, 1e-6);
}

TEST(SubrunLevel, NeedsEventsAndPixels) {
  Options many = small();
  many.min_pedestal_events = 6;
  const auto few = level_of(charges({1, 2, 3, 4, 5}), {0, 0, 0, 0, 0}, many);
  EXPECT_FALSE(few.enough_events);
  EXPECT_TRUE(std::isnan(few.level));
  const auto bad = level_of(charges({1, 2, 3, 4, 5}), {1, 1, 1, 0, 0});
  EXPECT_TRUE(bad.enough_events);
  EXPECT_TRUE(std::isnan(bad.level));
  EXPECT_FALSE(level_of({}, {0, 0}).enough_events);
}

SubrunLevel subrun(float level, std::int64_t events = 100) {
  return {.pedestal_events = events, .valid_pixels = 1855, .level = level, .enough_events = true};
}

TEST(RunLevel, IsTheMedianOfTheSubruns) {
  const auto run = run_level(std::vector{subrun(5), subrun(5.2F), subrun(5.4F)}, {});
  EXPECT_TRUE(run.measured());
  EXPECT_NEAR(run.level, 5.2, 1e-6);
  EXPECT_EQ(run.used, 3U);
}

TEST(RunLevel, LeavesOutLowStatisticsAndOutliers) {
  const auto run =
      run_level(std::vector{subrun(5), subrun(5.2F), subrun(5.4F), subrun(9), subrun(2, 40)}, {});
  EXPECT_EQ(run.low_statistics, 1U);
  EXPECT_EQ(run.outliers, 1U);
  EXPECT_EQ(run.used, 3U);
  EXPECT_NEAR(run.level, 5.2, 1e-6);
}

TEST(RunLevel, OneSubrunAndEqualOnesGiveALevel) {
  EXPECT_NEAR(run_level(std::vector{subrun(5)}, {}).level, 5, 1e-6);
  EXPECT_NEAR(run_level(std::vector{subrun(5), subrun(5)}, {}).level, 5, 1e-6);
}

TEST(RunLevel, SaysWhyThereIsNone) {
  const auto none = run_level({}, {});
  EXPECT_FALSE(none.measured());
  EXPECT_NE(none.fault.find("100 pedestal events"), std::string::npos);
  const auto pixels = run_level(std::vector{subrun(nan_f)}, {});
  EXPECT_NE(pixels.fault.find("1000 pixels"), std::string::npos);
  const auto half = run_level(std::vector{subrun(5), subrun(nan_f), subrun(nan_f)}, {});
  EXPECT_NE(half.fault.find("only 1 of 3"), std::string::npos);
  EXPECT_TRUE(std::isnan(half.level));
  // Subruns without enough pedestals count among those looked at.
  const auto poor = run_level(std::vector{subrun(5), SubrunLevel{}, SubrunLevel{}}, {});
  EXPECT_FALSE(poor.measured());
}

TEST(PictureThreshold, FollowsTheTable) {
  EXPECT_EQ(picture_threshold(3), 8);
  EXPECT_EQ(picture_threshold(5.849), 8);
  EXPECT_EQ(picture_threshold(5.85), 10);
  EXPECT_EQ(picture_threshold(8.74), 12);
  EXPECT_EQ(picture_threshold(10), 14);
  EXPECT_EQ(picture_threshold(11.66), 16);
  EXPECT_EQ(picture_threshold(11.67), 18);
  EXPECT_EQ(picture_threshold(50), 18);
}

TEST(AdditionalNsb, IsNoneAtTheDarkLevelAndGrows) {
  EXPECT_NEAR(additional_nsb(3.95147396), 0, 1e-12);
  EXPECT_NEAR(additional_nsb(4.95147396), 0.12642504 + 0.01718627, 1e-12);
}

TEST(SampledSubruns, AreEvenlySpacedFromTheFirst) {
  EXPECT_EQ(sampled_subruns(3, 10), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(sampled_subruns(9, 10).size(), 9U);
  EXPECT_EQ(sampled_subruns(10, 10), (std::vector<std::size_t>{0, 2, 4, 6, 8}));
  EXPECT_EQ(sampled_subruns(100, 10).size(), 10U);
  EXPECT_TRUE(sampled_subruns(0, 10).empty());
}

}  // namespace
}  // namespace alisio::tailcuts
