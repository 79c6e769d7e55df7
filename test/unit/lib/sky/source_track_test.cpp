#include "lib/sky/source_track.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/sky/icrs.hpp"

namespace alisio::sky {
namespace {

constexpr Site lst1{-17.89149701, 28.76152611, 2199.885};
constexpr Equatorial crab{83.6331, 22.0145};

TEST(IcrsToAltAz, IsTheInverseOfAltAzToIcrs) {
  std::vector<double> times;
  for (int i = 0; i < 200; ++i) times.push_back(1671148800.0 + 13.7 * i);
  const std::vector<AltAz> places = icrs_to_altaz(crab, times, lst1);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Equatorial back = altaz_to_icrs(places[i], times[i], lst1);
    EXPECT_LT(separation_deg(back, crab) * 3600, 0.002) << times[i];
  }
}

TEST(IcrsToAltAz, OneTimeDoesNotDependOnTheOthers) {
  const std::vector<double> one{1671148805.5}, many{1671148799.0, 1671148900.0, 1671148805.5};
  const AltAz alone = icrs_to_altaz(crab, one, lst1).front();
  const AltAz among = icrs_to_altaz(crab, many, lst1).back();
  EXPECT_EQ(alone.altitude, among.altitude);
  EXPECT_EQ(alone.azimuth, among.azimuth);
}

TEST(IcrsToAltAz, WithoutTimeThereIsNoPlace) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> times{nan, 1671148800.0};
  const std::vector<AltAz> places = icrs_to_altaz(crab, times, lst1);
  EXPECT_TRUE(std::isnan(places[0].altitude));
  EXPECT_TRUE(std::isfinite(places[1].altitude));
  EXPECT_TRUE(std::isnan(icrs_to_altaz({nan, 0}, times, lst1)[1].azimuth));
}

TEST(MeanDirection, CrossesTheZeroOfRightAscension) {
  const std::vector<Equatorial> directions{
      {359, 10}, {1, 10}, {std::numeric_limits<double>::quiet_NaN(), 0}};
  const Equatorial mean = mean_direction(directions);
  EXPECT_NEAR(std::remainder(mean.ra_deg, 360), 0, 1e-9);
  EXPECT_NEAR(mean.dec_deg, 10, 2e-3);
}

TEST(MeanDirection, OfNothingIsNone) {
  EXPECT_TRUE(std::isnan(mean_direction({}).ra_deg));
}

}  // namespace
}  // namespace alisio::sky
