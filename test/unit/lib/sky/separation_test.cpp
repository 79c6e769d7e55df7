#include "lib/sky/separation.hpp"

#include <gtest/gtest.h>

#include <numbers>

namespace alisio::sky {
namespace {

constexpr double pi = std::numbers::pi;

TEST(Separation, IsExactForSmallAndLargeAngles) {
  EXPECT_EQ(angular_separation({1, 2}, {1, 2}), 0);
  EXPECT_NEAR(angular_separation({0.3, 1}, {0.3 + 1e-9, 1}), 1e-9, 1e-16);
  EXPECT_NEAR(angular_separation({0, 0}, {0, pi}), pi, 1e-15);
  EXPECT_NEAR(angular_separation({pi / 2, 0}, {0, 1}), pi / 2, 1e-15);
  EXPECT_NEAR(angular_separation({pi / 3, 0}, {pi / 3, 2 * pi + 0.01}), 0.005, 2e-6);
}

}  // namespace
}  // namespace alisio::sky
