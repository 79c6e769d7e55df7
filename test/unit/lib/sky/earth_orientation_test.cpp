#include "lib/sky/earth_orientation.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "lib/sky/icrs.hpp"

namespace alisio::sky {
namespace {

constexpr Site lst1{-17.89149701, 28.76152611, 2199.885};

TEST(EarthOrientation, IsInterpolatedAcrossALeapSecond) {
  const EarthOrientationTable table{{100, 101}, {{-0.4, 0.1, 0.3}, {0.59, 0.2, 0.5}}};
  const EarthOrientation half = orientation_at(table, 100.5);
  EXPECT_NEAR(half.ut1_minus_utc, -0.405, 1e-12);
  EXPECT_NEAR(half.x, 0.15, 1e-12);
  EXPECT_NEAR(half.y, 0.4, 1e-12);
  EXPECT_EQ(orientation_at(table, 1).ut1_minus_utc, -0.4);
  EXPECT_EQ(orientation_at(table, 101).ut1_minus_utc, 0.59);
  EXPECT_EQ(orientation_at(table, 999).ut1_minus_utc, 0.59);
}

TEST(EarthOrientation, OneSecondTurnsTheSkyByFifteenArcseconds) {
  const EarthOrientationTable zero{{0, 1}, {{0, 0, 0}, {0, 0, 0}}};
  const EarthOrientationTable late{{0, 1}, {{0.4, 0, 0}, {0.4, 0, 0}}};
  const AltAz direction{1.0, 2.0};
  const double time = 1.6e9;
  const auto a = altaz_to_icrs({&direction, 1}, {&time, 1}, lst1, zero);
  const auto b = altaz_to_icrs({&direction, 1}, {&time, 1}, lst1, late);
  EXPECT_NEAR((b[0].ra_deg - a[0].ra_deg) * 3600, 0.4 * 15.041, 0.01);
}

TEST(AltAzToIcrs, ManyAreAsOneByOneToAMilliarcsecond) {
  std::vector<AltAz> directions;
  std::vector<double> times;
  for (int i = 0; i < 200; ++i) {
    directions.push_back({0.5 + 0.005 * i, 0.03 * i});
    times.push_back(1.6e9 + (i * 7919 % 200) * 0.37);  // in no order
  }
  directions[7].azimuth = std::nan("");
  const auto many = altaz_to_icrs(directions, times, lst1, built_in_earth_orientation());
  for (std::size_t i = 0; i < many.size(); ++i) {
    const Equatorial one = altaz_to_icrs(directions[i], times[i], lst1);
    if (i == 7) {
      EXPECT_TRUE(std::isnan(many[i].ra_deg));
      continue;
    }
    EXPECT_LT(separation_deg(many[i], one) * 3.6e6, 1) << i;  // milliarcseconds
  }
}

TEST(Galactic, HasItsCentreAndPole) {
  const Galactic centre = icrs_to_galactic({266.40499, -28.93617});
  EXPECT_NEAR(std::remainder(centre.longitude_deg, 360), 0, 1e-4);
  EXPECT_NEAR(centre.latitude_deg, 0, 1e-4);
  EXPECT_NEAR(icrs_to_galactic({192.85948, 27.12825}).latitude_deg, 90, 1e-4);
  EXPECT_NEAR(separation_deg({10, 0}, {350, 0}), 20, 1e-12);
}

}  // namespace
}  // namespace alisio::sky
