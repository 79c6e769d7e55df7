#include "lib/sky/icrs.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace alisio::sky {
namespace {

constexpr Site lst1{-17.89149701, 28.76152611, 2199.885};

// astropy 7 with the IERS tables of 2025: SkyCoord(frame=AltAz(...)).icrs.
TEST(AltAzToIcrs, AgreesWithAstropy) {
  struct Golden {
    double time, alt, az, ra, dec;
  };
  constexpr Golden golden[] = {{1545000000.0, 1.2, 0.4, 59.4106485, 47.7670027},
                               {1600000000.5, 0.7, 5.9, 109.2014192, 68.7634884},
                               {1671148800.0, 1.5, 3.0, 67.0055657, 24.6927217},
                               {1735689600.25, 0.3, 1.8, 151.3473327, -2.6345969}};
  constexpr double tolerance = 0.2 / 3600;  // deg
  for (const Golden& g : golden) {
    const Equatorial found = altaz_to_icrs({g.alt, g.az}, g.time, lst1);
    const double cosine = std::cos(g.dec * 3.14159265358979 / 180);
    EXPECT_NEAR((found.ra_deg - g.ra) * cosine, 0, tolerance) << g.time;
    EXPECT_NEAR(found.dec_deg, g.dec, tolerance) << g.time;
  }
}

TEST(AltAzToIcrs, WithoutPointingThereIsNoPlace) {
  const Equatorial found = altaz_to_icrs({std::nan(""), 0}, 1.6e9, lst1);
  EXPECT_TRUE(std::isnan(found.ra_deg));
  EXPECT_TRUE(std::isnan(found.dec_deg));
}

}  // namespace
}  // namespace alisio::sky
