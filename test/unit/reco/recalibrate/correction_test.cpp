#include "reco/recalibrate/correction.hpp"

#include <gtest/gtest.h>

#include "lib/base/error.hpp"

namespace alisio::recalibrate {
namespace {

TEST(CatB, TheIntervalInForceIsTheLastThatBeganBeforeTheEvent) {
  const std::vector<double> starts{10, 20, 30};
  EXPECT_EQ(interval_at(starts, 5), 0U);   // before all: the first
  EXPECT_EQ(interval_at(starts, 10), 0U);  // at a start: the one before it
  EXPECT_EQ(interval_at(starts, 20), 0U);
  EXPECT_EQ(interval_at(starts, 20.1), 1U);
  EXPECT_EQ(interval_at(starts, 99), 2U);
}

/// Two pixels; the arrays hold high gain, then low gain.
Interval constants() {
  return {.time_min = 0,
          .dc_to_pe = {2, 3, 5, 7},
          .pedestal_per_sample = {0.5, 1, 0.25, 2},
          .time_correction = {1, -1, 0.5, -0.5},
          .unusable_pixels = {0, 0, 0, 1}};
}

TEST(CatB, ChargesAndTimesTakeTheConstantsOfTheSelectedGain) {
  const std::vector<float> image{10, 20}, time{4, 5};
  std::vector<double> q(2), t(2);
  correct_image(image, time, std::vector<std::int8_t>{0, 0}, constants(), 8, q, t);
  EXPECT_EQ(q, (std::vector<double>{(10 - 4) * 2, (20 - 8) * 3}));
  EXPECT_EQ(t, (std::vector<double>{5, 4}));
  correct_image(image, time, std::vector<std::int8_t>{1, 1}, constants(), 8, q, t);
  EXPECT_EQ(q, (std::vector<double>{(10 - 2) * 5, 0}));  // the second is unusable in low gain
  EXPECT_EQ(t, (std::vector<double>{4.5, 4.5}));
}

TEST(CatB, ChargesAreNotRounded) {
  const std::vector<float> image{1.0F, 1.0F}, time{0, 0};
  Interval c = constants();
  c.dc_to_pe.assign(4, 1.0 + 1e-12);
  c.pedestal_per_sample.assign(4, 0);
  std::vector<double> q(2), t(2);
  correct_image(image, time, std::vector<std::int8_t>{0, 0}, c, 8, q, t);
  EXPECT_EQ(q[0], 1.0 + 1e-12);
}

TEST(CatB, CountsTheUnusablePixelsOfTheWorseGain) {
  Interval c = constants();
  EXPECT_EQ(unusable_count(c), 1U);
  c.unusable_pixels = {1, 1, 0, 1};
  EXPECT_EQ(unusable_count(c), 2U);
}

TEST(CatB, RefusesConstantsOfAnotherCamera) {
  const std::vector<float> image{1, 2, 3}, time{1, 2, 3};
  std::vector<double> q(3), t(3);
  EXPECT_THROW(correct_image(image, time, std::vector<std::int8_t>{0, 0, 0}, constants(), 8, q, t),
               Error);
}

}  // namespace
}  // namespace alisio::recalibrate
